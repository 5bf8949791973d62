// How the codec behaves, on made-up messages.
#include <limits>

#include <gtest/gtest.h>

#include "wire/decoder.h"
#include "wire/encoder.h"

namespace kferry::wire {
namespace {

using namespace std::string_literals;

struct Note {
  static constexpr const char* kName = "Note";
  static constexpr int16_t kFlexibleSince = 3;

  struct Item {
    int32_t number = 0;
    std::string label;
    template <class Io>
    void fields(Io& io) {
      io("Number", number);
      io("Label", label, {.versions = since(3), .ignorable = true, .tag = 0});
    }
    friend bool operator==(const Item&, const Item&) = default;
  };

  std::string name;
  std::optional<std::string> reason;
  int32_t level = -1;
  Bytes data;
  std::optional<std::vector<Item>> items;
  int64_t epoch = -1;

  template <class Io>
  void fields(Io& io) {
    io("Name", name);
    io("Reason", reason, {.versions = since(1), .nullable = since(2), .ignorable = true});
    io("Level", level, {.versions = {1, 2}, .default_value = -1});
    io("Data", data);
    io("Items", items, {.nullable = since(1)});
    io("Epoch", epoch, {.versions = since(3), .tag = 5, .default_value = -1});
  }
  friend bool operator==(const Note&, const Note&) = default;
};

Note sample() {
  Note note;
  note.name = "ab";
  note.reason = "";
  note.data = {"\x01\x02"s};
  note.items = {{{7, ""}}};
  return note;
}

std::string encoded(const Note& note, int16_t version) {
  std::string bytes;
  const Result<> result = encode_message(note, version, bytes);
  EXPECT_TRUE(result) << result.error().message;
  return bytes;
}

std::string encode_error(const Note& note, int16_t version) {
  std::string bytes = "before";
  const Result<> result = encode_message(note, version, bytes);
  EXPECT_EQ(bytes, "before") << "a failed message must leave nothing behind";
  return result ? "" : result.error().message;
}

template <class Message = Note>
std::string decode_error(const std::string& bytes, int16_t version) {
  const Result<Message> result = decode_message<Message>(bytes, version);
  return result ? "" : result.error().message;
}

TEST(Codec, ClassicVersionsWriteFixedLengths) {
  Note note = sample();
  note.level = 3;
  const std::string bytes =
      "\0\2ab"s
      "\0\0"s
      "\0\0\0\3"s
      "\0\0\0\2\1\2"s
      "\0\0\0\1"
      "\0\0\0\7"s;
  EXPECT_EQ(encoded(note, 2), bytes);
  EXPECT_EQ(decode_message<Note>(bytes, 2), note);
}

TEST(Codec, FlexibleVersionsWriteVarintsAndTags) {
  Note note = sample();
  note.items->at(0).label = "x";
  note.epoch = 9;
  const std::string bytes =
      "\3ab"s
      "\1"s
      "\3\1\2"s
      "\2"
      "\0\0\0\7"
      "\1\0\2\2x"s
      "\1\5\x08"
      "\0\0\0\0\0\0\0\x09"s;
  EXPECT_EQ(encoded(note, 3), bytes);
  EXPECT_EQ(decode_message<Note>(bytes, 3), note);
}

TEST(Codec, NullsAreMinusOneOrZero) {
  Note note;
  EXPECT_EQ(encoded(note, 2),
            "\0\0"s
            "\xff\xff"s
            "\xff\xff\xff\xff"s
            "\0\0\0\0"s
            "\xff\xff\xff\xff"s);
  EXPECT_EQ(encoded(note, 3),
            "\1"s
            "\0"s
            "\1"s
            "\0"
            "\0"s);
  EXPECT_EQ(decode_message<Note>(encoded(note, 2), 2), note);
  EXPECT_EQ(decode_message<Note>(encoded(note, 3), 3), note);
}

TEST(Codec, ASetFieldThatTheVersionLacksIsAnErrorThatNamesIt) {
  Note note = sample();
  note.level = 3;
  for (const int16_t version : {int16_t{0}, int16_t{3}}) {
    const std::string error = encode_error(note, version);
    EXPECT_NE(error.find("Note version " + std::to_string(version)), error.npos) << error;
    EXPECT_NE(error.find("Level"), error.npos) << error;
  }
  note = sample();
  note.epoch = 0;  // not its default
  EXPECT_NE(encode_error(note, 2).find("Epoch"), std::string::npos);
}

TEST(Codec, AnIgnorableFieldThatTheVersionLacksIsDropped) {
  Note note = sample();
  note.reason = "because";
  note.items->at(0).label = "x";
  const Result<Note> back = decode_message<Note>(encoded(note, 0), 0);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->reason, std::nullopt);
  EXPECT_EQ(back->items->at(0).label, "");
  EXPECT_EQ(back->name, "ab");
}

TEST(Codec, NullWhereNotAllowedIsAnErrorThatNamesTheField) {
  Note note = sample();
  note.items.reset();
  EXPECT_NE(encode_error(note, 0).find("Items is null"), std::string::npos);
  note = sample();
  note.reason.reset();
  EXPECT_NE(encode_error(note, 1).find("Reason is null"), std::string::npos);

  EXPECT_NE(decode_error("\xff\xff"s, 0).find("Name: null"), std::string::npos);
  EXPECT_NE(decode_error("\0"s, 3).find("Name: null"), std::string::npos);
  EXPECT_NE(decode_error("\0\0\0\0\0\0"s
                         "\xff\xff\xff\xff"s,
                         0)
                .find("Items: null"),
            std::string::npos);
  EXPECT_NE(decode_error("\0\0"s
                         "\xff\xff"s,
                         1)
                .find("Reason: null"),
            std::string::npos);
}

TEST(Codec, TooLongStringsAreErrorsBothWays) {
  Note note = sample();
  note.name.assign(32767, 'n');
  for (const int16_t version : {int16_t{0}, int16_t{3}})
    EXPECT_EQ(decode_message<Note>(encoded(note, version), version)->name, note.name);
  note.name += 'n';
  for (const int16_t version : {int16_t{0}, int16_t{3}})
    EXPECT_NE(encode_error(note, version).find("Name has 32768 bytes"), std::string::npos);
  const std::string length = "\x81\x80\x02"s;  // 32769: 32768 bytes
  EXPECT_NE(decode_error(length + note.name + "\1\1\0\0"s, 3).find("Name"), std::string::npos);
}

TEST(Codec, LengthsAreCheckedBeforeUse) {
  EXPECT_NE(decode_error("\x7f\xff"s, 0).find("32767 bytes wanted, 0 are left"), std::string::npos);
  EXPECT_NE(decode_error("\xff\xfe"s, 0).find("a length of -2"), std::string::npos);
  EXPECT_NE(decode_error("\0\0\x7f\xff\xff\xff"s, 0).find("2147483647 bytes wanted"),
            std::string::npos);
  EXPECT_NE(decode_error("\0\0\xff\xff\xff\xfe"s, 0).find("a length of -2"), std::string::npos);
  EXPECT_NE(decode_error("\0\0\x80\0\0\0"s, 0).find("a length of -2147483648"), std::string::npos);
  // Items
  EXPECT_NE(decode_error("\0\0\0\0\0\0\x7f\xff\xff\xff"s, 0).find("Items"), std::string::npos);
  EXPECT_NE(decode_error("\0\0\0\0\0\0\xff\xff\xff\xfe"s, 0).find("Items"), std::string::npos);
}

TEST(Codec, VarintsAreBounded) {
  EXPECT_NE(decode_error("\xff\xff\xff\xff\x0f"s, 3).find("bytes wanted"), std::string::npos);
  EXPECT_NE(decode_error("\xff\xff\xff\xff\xff\x01"s, 3).find("varint"), std::string::npos);
  // More than 32 bits in five bytes.
  EXPECT_NE(decode_error("\x83\x80\x80\x80\x10"s
                         "ab\1\1\0\0"s,
                         3)
                .find("varint"),
            std::string::npos);
  // Longer than need be, but not wrong.
  EXPECT_TRUE(
      decode_message<Note>("\x83\x80\0"s
                           "ab\1\1\0\0"s,
                           3));
}

struct Bomb {
  static constexpr const char* kName = "Bomb";
  static constexpr int16_t kFlexibleSince = 1;
  std::vector<int8_t> numbers;
  std::vector<std::vector<int8_t>> nested;
  template <class Io>
  void fields(Io& io) {
    io("Numbers", numbers);
    io("Nested", nested);
  }
};

std::string big_endian(int64_t number) {
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(number >> shift);
  return bytes;
}

TEST(Codec, TheNumberOfElementsIsBounded) {
  const int64_t most = Decoder::kMaxElements;
  const std::string elements(static_cast<size_t>(most), '\0');
  EXPECT_TRUE(decode_message<Bomb>(big_endian(most) + elements + big_endian(0), 0));
  EXPECT_NE(decode_error<Bomb>(big_endian(most + 1) + elements + '\0' + big_endian(0), 0)
                .find("too many array elements"),
            std::string::npos);
  // Over all arrays of the message.
  EXPECT_NE(decode_error<Bomb>(
                big_endian(most - 1) + elements.substr(1) + big_endian(1) + big_endian(1) + '\0', 0)
                .find("too many array elements"),
            std::string::npos);
}

std::string with_tagged_fields(uint32_t count) {
  std::string bytes = "\1\1"s;
  Encoder encoder(bytes, 1, true);
  encoder.unsigned_varint(count);
  for (uint32_t tag = 0; tag < count; ++tag) {
    encoder.unsigned_varint(tag);
    encoder.unsigned_varint(0);
  }
  return bytes;
}

TEST(Codec, TheNumberOfTaggedFieldsIsBounded) {
  const uint32_t most = Decoder::kMaxTaggedFields;
  EXPECT_TRUE(decode_message<Bomb>(with_tagged_fields(most), 1));
  EXPECT_NE(decode_error<Bomb>(with_tagged_fields(most + 1), 1).find("tagged fields: 1001 of them"),
            std::string::npos);
}

const std::string kEmptyNote = "\1\0\1\0"s;  // version 3, before its tagged fields

TEST(Codec, UnknownTaggedFieldsAreSkipped) {
  const Result<Note> note = decode_message<Note>(kEmptyNote +
                                                     "\3\5\x08\0\0\0\0\0\0\0\4"s
                                                     "\6\2zz"s
                                                     "\x80\1\0"s,
                                                 3);
  ASSERT_TRUE(note) << note.error().message;
  EXPECT_EQ(note->epoch, 4);
}

TEST(Codec, TaggedFieldsOfNestedStructsAreTheirOwn) {
  // Tag 5 in an item is unknown there, tag 0 in the message is unknown there.
  const Result<Note> note = decode_message<Note>(
      "\1\0\1\2"s
      "\0\0\0\7"
      "\2\0\2\2x"
      "\5\x08\0\0\0\0\0\0\0\4"s
      "\1\0\2\2y"s,
      3);
  ASSERT_TRUE(note) << note.error().message;
  EXPECT_EQ(note->items->at(0).label, "x");
  EXPECT_EQ(note->epoch, -1);
}

TEST(Codec, BrokenTaggedFieldsAreErrors) {
  EXPECT_NE(decode_error(kEmptyNote + "\2\6\0\6\0"s, 3).find("the same tag twice"),
            std::string::npos);
  EXPECT_NE(decode_error(kEmptyNote + "\1\5\x07\0\0\0\0\0\0\0"s, 3).find("Epoch"),
            std::string::npos);
  EXPECT_NE(decode_error(kEmptyNote + "\1\5\x09\0\0\0\0\0\0\0\0\0"s, 3).find("Epoch"),
            std::string::npos);
  EXPECT_NE(decode_error(kEmptyNote + "\1\6\5zz"s, 3).find("5 bytes wanted, 2 are left"),
            std::string::npos);
  EXPECT_NE(decode_error(kEmptyNote + "\xff\xff\xff\xff\x0f"s, 3), "");
}

TEST(Codec, BytesLeftOverAreAnError) {
  const std::string bytes = encoded(sample(), 2) + "\0"s;
  EXPECT_NE(decode_error(bytes, 2).find("1 bytes left over"), std::string::npos);
  EXPECT_NE(decode_error(encoded(sample(), 3) + "\0"s, 3).find("1 bytes left over"),
            std::string::npos);
}

TEST(Codec, ErrorsNameTheMessageAndTheVersion) {
  EXPECT_NE(decode_error("", 2).find("malformed Note version 2"), std::string::npos);
}

TEST(Codec, ClassicStringIsClassicInFlexibleVersionsToo) {
  std::string bytes;
  Encoder encoder(bytes, 3, true);
  encoder.classic_string("ClientId", "ab");
  EXPECT_EQ(bytes, "\0\2ab"s);
  EXPECT_TRUE(encoder.flexible());
}

}  // namespace
}  // namespace kferry::wire
