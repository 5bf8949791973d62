// Walks every message of wire/ without naming them one by one.
#pragma once

#include <tuple>
#include <type_traits>

#include "wire/messages.h"

namespace kferry::test {

template <class Visit, class... Requests>
void visit_messages(std::type_identity<std::tuple<Requests...>>, Visit& visit) {
  auto both = [&visit]<class Request>(std::type_identity<Request>) {
    visit(std::type_identity<Request>{}, Request::kVersions);
    visit(std::type_identity<typename Request::Response>{}, Request::kVersions);
  };
  (both(std::type_identity<Requests>{}), ...);
}

// visit(std::type_identity<Message>, ApiVersionRange) for each request and each response.
template <class Visit>
void for_each_message(Visit visit) {
  visit_messages(std::type_identity<wire::AllRequests>{}, visit);
}

// visit(std::type_identity<Message>, version) for each request and response in each of its
// versions.
template <class Visit>
void for_each_message_version(Visit visit) {
  for_each_message(
      [&visit]<class Message>(std::type_identity<Message> message, wire::ApiVersionRange versions) {
        for (int16_t version = versions.lowest; version <= versions.highest; ++version)
          visit(message, version);
      });
}

}  // namespace kferry::test
