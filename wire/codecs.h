// One pair of functions for each compression; compression.cc chooses. Inputs have at most 2^31-1
// bytes.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace kferry::wire {

// The errors of all of them.
std::unexpected<Error> corrupt_data(std::string_view codec, std::string_view what);
std::unexpected<Error> too_much_data(std::string_view codec, size_t most_bytes);

Result<std::string> gzip_compress(std::string_view bytes);
Result<std::string> gzip_decompress(std::string_view bytes, size_t most_bytes);

Result<std::string> snappy_compress(std::string_view bytes);
Result<std::string> snappy_decompress(std::string_view bytes, size_t most_bytes);

Result<std::string> lz4_compress(std::string_view bytes);
Result<std::string> lz4_decompress(std::string_view bytes, size_t most_bytes, bool legacy);

Result<std::string> zstd_compress(std::string_view bytes);
Result<std::string> zstd_decompress(std::string_view bytes, size_t most_bytes);

// Output whose size is not known before: grows as it fills, and shows when there is more than
// `most_bytes`. Not thread-safe.
class GrowingOutput {
 public:
  GrowingOutput(size_t most_bytes, size_t first_bytes);

  char* free_bytes() { return text_.data() + size_; }
  size_t free_size() const { return text_.size() - size_; }
  void add(size_t count) { size_ += count; }

  // One byte more than the bound has room, to tell what fits exactly from what does not.
  bool too_much() const { return size_ > most_bytes_; }
  // Makes room if there is none.
  void make_room();

  std::string take();

 private:
  void resize(size_t size);

  const size_t most_bytes_;
  std::string text_;
  size_t size_ = 0;  // of what has been added
};

}  // namespace kferry::wire
