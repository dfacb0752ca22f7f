// HpackDecoder: header blocks of one connection into fields (RFC 7541). Owned by a session; worker thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "http/h2/hpack_table.h"
#include "http/well_known_headers.h"

namespace nuncio::http::h2 {

/** One decoded field. The text is valid until the decoder goes on; a name with a number can be had from `headerName`. */
struct Field {
  std::string_view name;
  std::string_view value;
  HeaderId id;
  uint8_t facts;          // FieldFact bits
  bool static_name;       // the name lives for ever; the value too
  bool static_value;
};

/** Where fields go. A field is taken whatever it holds: the rest of the block must be decoded all the same. */
class FieldSink {
 public:
  virtual void onField(const Field& field) = 0;

 protected:
  ~FieldSink() = default;
};

/** Room for decoded text, shared by the decoders of a worker; grows to the longest block seen, within the caller's bounds. */
class DecodeScratch {
 public:
  DecodeScratch() = default;
  DecodeScratch(const DecodeScratch&) = delete;
  DecodeScratch& operator=(const DecodeScratch&) = delete;
  ~DecodeScratch();
  char* atLeast(size_t size) { return size <= size_ ? bytes_ : grow(size); }
  /** Gives back what an unusually large head took. */
  void shrink();

 private:
  char* grow(size_t size);
  char* bytes_ = nullptr;
  size_t size_ = 0;
};

class HpackDecoder {
 public:
  HpackDecoder(uint32_t table_size, DecodeScratch& scratch);

  /** The table size that our SETTINGS allow; the peer may choose any up to it. */
  void setMaxTableSize(uint32_t bytes) { max_table_size_ = bytes; }
  /** A whole header block. False: COMPRESSION_ERROR, the state is lost and so is the connection. */
  bool decode(std::string_view block, FieldSink& sink);

 private:
  bool decodeIndexed(uint64_t index, FieldSink& sink);
  bool decodeLiteral(const char*& at, const char* end, uint64_t name_index, bool indexed, FieldSink& sink);
  bool readText(const char*& at, const char* end, char*& room, std::string_view& out);

  HpackTable table_;
  DecodeScratch& scratch_;
  uint32_t max_table_size_;
};

}  // namespace nuncio::http::h2
