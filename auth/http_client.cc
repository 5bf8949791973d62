#include "auth/http_client.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <filesystem>
#include <memory>

#include <curl/curl.h>
#include <fmt/format.h>

#include "base/text.h"

namespace kferry::auth {
namespace {

constexpr size_t kMostBytes = 256UL * 1024;
constexpr Duration kTimeout{10'000};
constexpr int kSliceMs = 100;  // how often the stop token is looked at

template <auto free>
struct Free {
  template <class T>
  void operator()(T* object) const {
    free(object);
  }
};

using EasyHandle = std::unique_ptr<CURL, Free<curl_easy_cleanup>>;
using MultiHandle = std::unique_ptr<CURLM, Free<curl_multi_cleanup>>;
using ListHandle = std::unique_ptr<curl_slist, Free<curl_slist_free_all>>;

bool start_library() {
  static const CURLcode outcome = curl_global_init(CURL_GLOBAL_DEFAULT);
  return outcome == CURLE_OK;
}

// curl's callback: fewer bytes taken than given end the transfer.
size_t take_body(const char* bytes, size_t one, size_t count, void* body) {
  auto& text = *static_cast<std::string*>(body);
  if (text.size() + one * count > kMostBytes) return 0;
  text.append(bytes, one * count);
  return one * count;
}

class Transfer {
 public:
  Transfer(const HttpRequest& request, std::string_view what)
      : request_(request), doing_(fmt::format("{} {}", what, place_of(request.url))) {}

  Result<HttpResponse> run(const Wait& wait) {
    if (!start_library()) return fail(ErrorKind::kFailed, "libcurl does not start");
    easy_.reset(curl_easy_init());
    multi_.reset(curl_multi_init());
    if (!easy_ || !multi_) return fail(ErrorKind::kFailed, "libcurl has no memory");
    prepare(wait);
    curl_multi_add_handle(multi_.get(), easy_.get());
    auto outcome = perform(wait);
    curl_multi_remove_handle(multi_.get(), easy_.get());
    if (!outcome) return std::unexpected(std::move(outcome).error());
    if (*outcome != CURLE_OK) return failure(*outcome);
    curl_easy_getinfo(easy_.get(), CURLINFO_RESPONSE_CODE, &response_.status);
    return std::move(response_);
  }

 private:
  template <class T>
  void set(CURLoption option, T value) {
    curl_easy_setopt(easy_.get(), option, value);
  }

  void prepare(const Wait& wait) {
    const auto remaining = static_cast<long>(wait.deadline().remaining().count());
    set(CURLOPT_URL, request_.url.c_str());
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    set(CURLOPT_FOLLOWLOCATION, 0L);
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_TIMEOUT_MS, std::max(remaining, 1L));
    set(CURLOPT_CONNECTTIMEOUT_MS, std::max(remaining, 1L));
    set(CURLOPT_USERAGENT, "kferry/" KFERRY_VERSION);
    set(CURLOPT_ERRORBUFFER, detail_.data());
    set(CURLOPT_WRITEFUNCTION, take_body);
    set(CURLOPT_WRITEDATA, &response_.body);
    if (request_.past_proxies) set(CURLOPT_NOPROXY, "*");
    set_authorities();
    for (const std::string& line : request_.header)
      header_.reset(curl_slist_append(header_.release(), line.c_str()));
    if (request_.method == HttpMethod::kPost) {
      set(CURLOPT_POSTFIELDSIZE, static_cast<long>(request_.form.size()));
      set(CURLOPT_POSTFIELDS, request_.form.c_str());
    } else if (request_.method == HttpMethod::kPut) {  // with nothing in it
      set(CURLOPT_CUSTOMREQUEST, "PUT");
    }
    set(CURLOPT_HTTPHEADER, header_.get());
  }

  void set_authorities() {
    const std::string& location = request_.ca_location;
    std::error_code ignored;
    if (!location.empty() && std::filesystem::is_directory(location, ignored)) {
      set(CURLOPT_CAINFO, static_cast<const char*>(nullptr));
      set(CURLOPT_CAPATH, location.c_str());
    } else if (!location.empty()) {
      set(CURLOPT_CAPATH, static_cast<const char*>(nullptr));
      set(CURLOPT_CAINFO, location.c_str());
    } else if (!request_.ca_pem.empty()) {
      curl_blob pem{const_cast<char*>(request_.ca_pem.data()), request_.ca_pem.size(),
                    CURL_BLOB_COPY};
      set(CURLOPT_CAPATH, static_cast<const char*>(nullptr));
      set(CURLOPT_CAINFO_BLOB, &pem);
    }
  }

  Result<CURLcode> perform(const Wait& wait) {
    for (int running = 1; running > 0;) {
      KFERRY_CHECK(wait.stop().check(doing_));
      if (wait.deadline().expired()) return CURLE_OPERATION_TIMEDOUT;
      if (curl_multi_perform(multi_.get(), &running) != CURLM_OK) return CURLE_FAILED_INIT;
      if (running > 0) curl_multi_poll(multi_.get(), nullptr, 0, kSliceMs, nullptr);
    }
    int left = 0;
    const CURLMsg* const message = curl_multi_info_read(multi_.get(), &left);
    return message == nullptr ? CURLE_FAILED_INIT : message->data.result;
  }

  std::unexpected<Error> failure(CURLcode code) const {
    if (code == CURLE_OPERATION_TIMEDOUT)
      return fail(ErrorKind::kUnreachable, doing_ + ": timed out", "check the address");
    if (code == CURLE_WRITE_ERROR)
      return fail(ErrorKind::kUnreachable,
                  fmt::format("{}: it answers with more than {} bytes", doing_, kMostBytes),
                  "check the address: this is another service");
    const std::string_view said(detail_.data());
    const std::string why = said.empty() ? curl_easy_strerror(code) : std::string(said);
    const bool tls = code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE;
    return fail(ErrorKind::kUnreachable, fmt::format("{}: {}", doing_, escape_control(why)),
                tls ? "is the authority of its certificate known to this machine? Another one: "
                      "https.ca.location, for AWS AWS_CA_BUNDLE"
                    : "check the address, and the proxy if there is one");
  }

  const HttpRequest& request_;
  const std::string doing_;
  std::array<char, CURL_ERROR_SIZE> detail_{};
  HttpResponse response_;
  ListHandle header_;
  EasyHandle easy_;
  MultiHandle multi_;
};

}  // namespace

Result<HttpResponse> send(const HttpRequest& request, std::string_view what, const Wait& wait) {
  return Transfer(request, what).run(wait.at_most(kTimeout));
}

std::string place_of(const std::string& url) {
  const std::string host = host_of(url);
  if (host.empty()) return "(an address that is none)";
  return escape_control(url.substr(0, std::min(url.find_first_of("?#"), url.size())));
}

std::string authority_of(const std::string& url) {
  std::string_view rest = url;
  if (rest.starts_with("https://")) {
    rest.remove_prefix(8);
  } else if (rest.starts_with("http://")) {
    rest.remove_prefix(7);
  } else {
    return {};
  }
  rest = rest.substr(0, rest.find_first_of("/?#"));
  if (rest.find('@') != rest.npos) return {};
  return std::string(rest);
}

std::string host_of(const std::string& url) {
  const std::string authority = authority_of(url);
  const std::string_view rest = authority;
  if (rest.starts_with('[')) return std::string(rest.substr(1, rest.find(']') - 1));
  return std::string(rest.substr(0, rest.find(':')));
}

std::string percent_encode(std::string_view text) {
  std::string encoded;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    const bool digit = c >= '0' && c <= '9';
    if (letter || digit || std::string_view("-._~").find(c) != std::string_view::npos) {
      encoded += c;
    } else {
      encoded += fmt::format("%{:02X}", byte);
    }
  }
  return encoded;
}

std::string to_form(const std::vector<std::pair<std::string, std::string>>& fields) {
  std::string form;
  for (const auto& [name, value] : fields)
    form += (form.empty() ? "" : "&") + percent_encode(name) + "=" + percent_encode(value);
  return form;
}

}  // namespace kferry::auth
