#include "replicate/page_routes.h"

#include <memory>
#include <optional>
#include <string>

#include <fmt/format.h>

#include "base/clock.h"
#include "replicate/page.h"
#include "replicate/page_json.h"
#include "verify/html.h"

namespace kferry::replicate {
namespace {

// Nothing from elsewhere, nothing inline, nobody's frame.
constexpr const char* kPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

HttpResponse page(const char* content_type, std::string body) {
  HttpResponse response{200, content_type, std::move(body)};
  response.headers = {{"Content-Security-Policy", kPolicy},
                      {"Referrer-Policy", "no-referrer"},
                      {"Cross-Origin-Resource-Policy", "same-origin"}};
  return response;
}

// The flow's status, taken anew when it is older than half a second.
class RecentStatus {
 public:
  explicit RecentStatus(const StatusSource& source) : source_(source) {}

  const FlowStatus& get() {
    if (!status_ || old_.expired()) {
      status_ = source_.status();
      old_ = Deadline::after(Duration(500));
    }
    return *status_;
  }

 private:
  const StatusSource& source_;
  std::optional<FlowStatus> status_;
  Deadline old_ = Deadline::after(Duration(0));
};

using MakeList = std::string (*)(const FlowStatus&, const ListQuery&);

HttpHandler list(const std::shared_ptr<RecentStatus>& recent, MakeList make) {
  return [recent, make](const HttpRequest& request) -> HttpResponse {
    const auto query = parse_list_query(request.query);
    if (!query) return {400, HttpResponse().content_type, query.error().message + "\n"};
    return page("application/json", make(recent->get(), *query));
  };
}

}  // namespace

std::vector<HttpRoute> page_routes(const StatusSource& source) {
  const auto recent = std::make_shared<RecentStatus>(source);
  return {
      {"GET", "/",
       [](const HttpRequest&) { return page("text/html; charset=utf-8", std::string(kPageHtml)); }},
      {"GET", "/page.css",
       [](const HttpRequest&) {
         return page("text/css; charset=utf-8",
                     fmt::format("{}{}", verify::kHtmlStyle, kPageStyle));
       }},
      {"GET", "/page.js",
       [](const HttpRequest&) {
         return page("text/javascript; charset=utf-8", std::string(kPageScript));
       }},
      {"GET", "/status/summary",
       [recent](const HttpRequest&) {
         return page("application/json", summary_json(recent->get()));
       }},
      {"GET", "/status/topics", list(recent, topics_json)},
      {"GET", "/status/partitions", list(recent, partitions_json)},
      {"GET", "/status/groups", list(recent, groups_json)},
  };
}

}  // namespace kferry::replicate
