// Why TLS failed, in words that say what to do.
#pragma once

#include <string>

#include <boost/system/error_code.hpp>

#include "base/result.h"

struct ssl_st;

namespace kferry::wire {

// Whether `error` comes from TLS itself rather than from the network under it.
bool is_tls_error(const boost::system::error_code& error);

// `place` names the broker, `doing` what was being done. kNotAuthorised when the broker refuses our
// certificate, kUnreachable otherwise: another broker of the cluster may be in order.
Error tls_error(const boost::system::error_code& error, const ssl_st* connection,
                const std::string& place, std::string_view doing);

}  // namespace kferry::wire
