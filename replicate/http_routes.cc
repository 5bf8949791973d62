#include "replicate/http_routes.h"

#include <charconv>
#include <memory>

#include <fmt/format.h>

#include "replicate/metrics.h"
#include "replicate/status_json.h"

namespace kferry::replicate {
namespace {

constexpr const char* kPrometheusText = "text/plain; version=0.0.4; charset=utf-8";

HttpResponse text(int status, std::string body) {
  return {status, HttpResponse().content_type, std::move(body) + '\n'};
}

HttpResponse readiness(const FlowStatus& status) {
  if (status.ready) return text(200, "ready");
  std::string why = "not ready";
  for (const std::string& trouble : status.troubles) why += '\n' + trouble;
  return text(503, std::move(why));
}

HttpResponse set_limit(Controls& controls, const std::string& body) {
  const auto limit = parse_byte_rate(body);
  if (!limit) return text(400, fmt::format("{}; {}", limit.error().message, limit.error().hint));
  controls.set_max_bytes_per_second(*limit);
  return text(200, std::to_string(*limit));
}

}  // namespace

Result<int64_t> parse_byte_rate(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n";
  const size_t begin = std::min(text.find_first_not_of(kBlanks), text.size());
  const std::string_view number = text.substr(begin, text.find_last_not_of(kBlanks) + 1 - begin);
  int64_t limit = -1;
  const char* const end = number.data() + number.size();
  const auto [rest, error] = std::from_chars(number.data(), end, limit);
  if (error != std::errc() || rest != end || limit < 0)
    return fail(ErrorKind::kUsage, "not a number of bytes per second",
                "give a whole number, 0 for no limit");
  return limit;
}

std::vector<HttpRoute> operation_routes(const StatusSource& source, Controls& controls,
                                        bool mm2_metrics) {
  const auto metrics = std::make_shared<Metrics>(mm2_metrics);
  return {
      {"GET", "/metrics",
       [&source, metrics](const HttpRequest&) {
         return HttpResponse{200, kPrometheusText, metrics->text(source.status())};
       }},
      {"GET", "/status",
       [&source](const HttpRequest&) {
         return HttpResponse{200, "application/json", status_json(source.status())};
       }},
      {"GET", "/livez", [](const HttpRequest&) { return text(200, "alive"); }},
      {"GET", "/readyz", [&source](const HttpRequest&) { return readiness(source.status()); }},
      {"GET", "/max-bytes-per-second",
       [&source](const HttpRequest&) {
         return text(200, std::to_string(source.status().max_bytes_per_second));
       }},
      {"PUT", "/max-bytes-per-second",
       [&controls](const HttpRequest& request) { return set_limit(controls, request.body); }},
  };
}

}  // namespace kferry::replicate
