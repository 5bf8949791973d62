// Answers of brokers: the first byte chooses the message and its version.
#include <vector>

#include "tests/fuzz/fuzz.h"
#include "tests/support/all_messages.h"
#include "tests/support/stable_decode.h"
#include "wire/frame.h"

namespace kferry::fuzz {
namespace {

struct Target {
  bool (*decodes_stably)(std::string_view bytes, int16_t version);
  int16_t version;
};

// Requests are decoded by tests only.
template <class Message>
constexpr bool kIsRequest = requires {
  typename Message::Response;
};

const std::vector<Target>& targets() {
  static const std::vector<Target> all = [] {
    std::vector<Target> found;
    test::for_each_message_version(
        [&]<class Message>(std::type_identity<Message>, int16_t version) {
          if constexpr (!kIsRequest<Message>)
            found.push_back({test::decodes_stably<Message>, version});
        });
    return found;
  }();
  return all;
}

}  // namespace
}  // namespace kferry::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace kferry;
  const fuzz::Input input(data, size);
  const auto& targets = fuzz::targets();
  fuzz::expect(targets.size() < 256, "one byte does not choose among all messages any more");
  if (input.choice >= targets.size()) {
    std::string_view frame = input.rest;
    (void)wire::take_response_header(frame, input.choice % 2 == 0);
    return 0;
  }
  const fuzz::Target& target = targets[input.choice];
  target.decodes_stably(input.rest, target.version);
  return 0;
}
