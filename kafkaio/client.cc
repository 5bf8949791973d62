#include "kafkaio/client.h"

#include <algorithm>
#include <array>
#include <thread>

#include <fmt/format.h>

#include "base/log.h"
#include "kafkaio/conf.h"
#include "kafkaio/errors.h"

namespace kferry::kafkaio {
namespace {

// syslog's levels, as librdkafka uses them.
constexpr int kLogDebug = 7;

std::string setting(const rd_kafka_conf_t* conf, const char* name) {
  size_t size = 0;
  if (rd_kafka_conf_get(conf, name, nullptr, &size) != RD_KAFKA_CONF_OK || size == 0) return {};
  std::string value(size, '\0');
  rd_kafka_conf_get(conf, name, value.data(), &size);
  value.resize(value.find('\0'));
  return value;
}

}  // namespace

Result<std::unique_ptr<Client>> Client::open(rd_kafka_type_t type, const ClientProperties& client,
                                             const std::map<std::string, std::string>& more,
                                             int more_events) {
  // librdkafka has no call that tells which requests a broker offers, but logs it under `feature`;
  // see brokers_offer_offset_delete().
  std::map<std::string, std::string> settings = more;
  const auto debug = client.properties.find("debug");
  const bool debugging = debug != client.properties.end() && !debug->second.empty();
  settings["debug"] = debugging ? debug->second + ",feature" : "feature";
  KFERRY_TRY(ConfHandle conf, make_conf(client, settings));

  std::unique_ptr<Client> made(new Client(setting(conf.get(), "bootstrap.servers"),
                                          setting(conf.get(), "api.version.request") == "false",
                                          debugging));
  rd_kafka_conf_set_opaque(conf.get(), made.get());
  rd_kafka_conf_set_log_cb(conf.get(), on_log);
  if (client.carrier) made->carry_by(client.carrier, conf.get());
  rd_kafka_conf_set_events(conf.get(), RD_KAFKA_EVENT_ERROR | more_events);
  std::array<char, 512> text{};
  made->kafka_.reset(rd_kafka_new(type, conf.get(), text.data(), text.size()));
  if (!made->kafka_)
    return fail(ErrorKind::kUsage, fmt::format("{}: {}", client.origin, text.data()));
  static_cast<void>(conf.release());  // rd_kafka_new() took it
  made->queue_.reset(rd_kafka_queue_new(made->kafka()));
  const QueueHandle main(rd_kafka_queue_get_main(made->kafka()));
  rd_kafka_queue_forward(main.get(), made->queue());
  return made;
}

Client::~Client() {
  if (!kafka_) return;
  const QueueHandle main(rd_kafka_queue_get_main(kafka()));
  rd_kafka_queue_forward(main.get(), nullptr);
}

void Client::carry_by(const Carrier& carrier, rd_kafka_conf_t* conf) {
  sockets_.emplace(carrier);
  rd_kafka_conf_set_socket_cb(conf, [](int, int, int, void* client) {
    return static_cast<Client*>(client)->sockets_->open();
  });
  // librdkafka 2.0 names the broker by its HOST:PORT.
  rd_kafka_conf_set_connect_cb(
      conf, [](int socket, const sockaddr*, int, const char* broker, void* client) {
        return static_cast<Client*>(client)->sockets_->connect(socket, broker);
      });
  rd_kafka_conf_set_closesocket_cb(conf, [](int socket, void* client) {
    return static_cast<Client*>(client)->sockets_->close(socket);
  });
}

void Client::on_log(const rd_kafka_t* kafka, int level, const char* facility, const char* text) {
  if (kafka == nullptr) return;
  if (auto* const client = static_cast<Client*>(rd_kafka_opaque(kafka)))
    client->note_log(level, facility, text);
}

void Client::note_log(int level, std::string_view facility, std::string_view text) {
  // "[thrd:NAME]: NAME: Broker API support:", then "[thrd:NAME]: NAME:   ApiKey X (47) Versions
  // 0..0" for each request.
  if (facility == "APIVERSION") {
    const size_t name_end = text.find("]: ");
    const std::string name(text.substr(0, name_end));
    const std::lock_guard lock(log_mutex_);
    if (text.ends_with("Broker API support:")) offers_offset_delete_[name] = false;
    if (text.find("(47) Versions") != text.npos) offers_offset_delete_[name] = true;
  }
  if (level < kLogDebug || debugging_)
    log::debug(text, {{"librdkafka", std::string(facility)}, {"level", fmt::to_string(level)}});
}

bool Client::brokers_offer_offset_delete() const {
  const std::lock_guard lock(log_mutex_);
  return !offers_offset_delete_.empty() &&
         std::ranges::all_of(offers_offset_delete_, [](const auto& one) { return one.second; });
}

EventHandle Client::poll(Duration at_most) {
  const Deadline deadline = Deadline::after(at_most);
  for (;;) {
    EventHandle event(rd_kafka_queue_poll(queue(), static_cast<int>(deadline.remaining().count())));
    if (!event || rd_kafka_event_type(event.get()) != RD_KAFKA_EVENT_ERROR) return event;
    const rd_kafka_resp_err_t code = rd_kafka_event_error(event.get());
    log::debug(rd_kafka_event_error_string(event.get()),
               {{"librdkafka", rd_kafka_err2name(code)}, {"brokers", servers_}});
    // That all brokers are down only sums up what was said of each.
    if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN && !trouble_text_.empty()) continue;
    trouble_ = code;
    trouble_text_ = rd_kafka_event_error_string(event.get());
  }
}

void Client::drain_errors() {
  while (poll(Duration(0))) {
  }
}

Result<> Client::await_broker(const Wait& wait) {
  KFERRY_CHECK(wait_for_metadata(ancient_, wait));
  return {};
}

Result<BrokerId> Client::find_broker(const Wait& wait) {
  return wait_for_metadata(true, wait);
}

Result<BrokerId> Client::wait_for_metadata(bool ask, const Wait& wait) {
  const std::string doing = fmt::format("connecting to {}", servers_);
  for (Duration slice = kStopLatency;;) {
    KFERRY_CHECK(wait.stop().check(doing));
    const Duration patience = std::max(std::min(slice, wait.deadline().remaining()), Duration(1));
    const auto [broker, code] = ask ? ask_for_metadata(patience) : look_at_metadata(patience);
    if (broker.value() >= 0) {
      trouble_ = RD_KAFKA_RESP_ERR_NO_ERROR;
      trouble_text_.clear();
      return broker;
    }
    // A broker is there but needs longer: asking again would only lose its answer again.
    if (ask && code == RD_KAFKA_RESP_ERR__TIMED_OUT) slice = std::min(slice * 2, Duration(2000));
    drain_errors();
    const auto trouble = sockets_ ? sockets_->trouble() : std::nullopt;
    const bool refused = trouble_ == RD_KAFKA_RESP_ERR__AUTHENTICATION ||
                         (trouble && trouble->kind == ErrorKind::kNotAuthorised);
    if (refused || wait.deadline().expired()) return std::unexpected(error(code, doing));
  }
}

// What the metadata said that librdkafka asks for by itself as soon as it is connected. Cheaper
// than rd_kafka_metadata(), which asks for all topics.
Client::Asked Client::look_at_metadata(Duration patience) const {
  const Deadline deadline = Deadline::after(patience);
  const int32_t controller = rd_kafka_controllerid(kafka(), static_cast<int>(patience.count()));
  if (controller >= 0) return {BrokerId(controller), RD_KAFKA_RESP_ERR_NO_ERROR};
  // It returns at once when there is metadata but no controller at the moment.
  std::this_thread::sleep_for(deadline.remaining());
  return {BrokerId(-1), RD_KAFKA_RESP_ERR__TIMED_OUT};
}

// Metadata version 0 names no controller.
Client::Asked Client::ask_for_metadata(Duration patience) const {
  const rd_kafka_metadata_t* metadata = nullptr;
  const rd_kafka_resp_err_t code =
      rd_kafka_metadata(kafka(), 0, nullptr, &metadata, static_cast<int>(patience.count()));
  const MetadataHandle owned(metadata);
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return {BrokerId(-1), code};
  if (metadata->broker_cnt == 0) return {BrokerId(-1), RD_KAFKA_RESP_ERR__TIMED_OUT};
  const bool knows_itself = metadata->orig_broker_id >= 0;
  return {BrokerId(knows_itself ? metadata->orig_broker_id : metadata->brokers[0].id), code};
}

Error Client::error(rd_kafka_resp_err_t code, std::string_view doing, std::string_view said) const {
  // Waiting in vain has a cause, which librdkafka reports apart from the call.
  const bool in_vain = code == RD_KAFKA_RESP_ERR__TIMED_OUT ||
                       code == RD_KAFKA_RESP_ERR__TRANSPORT ||
                       code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN;
  const auto trouble = sockets_ ? sockets_->trouble() : std::nullopt;
  if (in_vain && trouble) return in_context(*trouble, doing);
  const bool explained = in_vain && trouble_ != RD_KAFKA_RESP_ERR_NO_ERROR;
  return explained ? to_error(trouble_, doing, trouble_text_) : to_error(code, doing, said);
}

}  // namespace kferry::kafkaio
