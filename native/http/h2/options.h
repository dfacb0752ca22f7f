// What a HTTP/2 codec is told by configuration (Http2ProtocolOptions and its neighbours). Made once from the plans and
// shared by all codecs of a filter chain or cluster; immutable, any thread. What it points to must outlive the codecs.
#pragma once

#include <cstdint>
#include <span>

#include "http/underscores.h"

namespace nuncio::http::h2 {

/** A SETTINGS parameter of `custom_settings_parameters`. */
struct Setting {
  uint16_t id;
  uint32_t value;
};

/** Defaults are Envoy 1.40's. */
struct CommonOptions {
  uint32_t hpack_table_size = 4096;                        // bytes, of the peer's encoder and at most of ours
  uint32_t max_concurrent_streams = 1024;
  uint32_t initial_stream_window = 16 * 1024 * 1024;       // bytes
  uint32_t initial_connection_window = 24 * 1024 * 1024;   // bytes
  bool allow_connect = false;                              // extended CONNECT (RFC 8441)
  bool huffman = true;                                     // enable_huffman_encoding
  /** override_stream_error_on_invalid_http_message: a malformed message costs its stream, not the connection. */
  bool stream_error_on_invalid_message = false;
  uint32_t max_outbound_frames = 10'000;
  uint32_t max_outbound_control_frames = 1'000;
  uint32_t max_consecutive_empty_frames = 1;
  uint32_t max_priority_frames_per_stream = 100;
  uint32_t max_window_updates_per_data_frame = 10;
  bool allow_metadata = false;                             // METADATA frames are passed on; else they are unknown
  uint32_t max_metadata_size = 1024 * 1024;                // bytes of one, on the wire
  bool disallow_obs_text = false;                          // bytes above ASCII in values are malformed
  uint32_t max_head_bytes = 60 * 1024;                     // names and values of one head, decoded
  uint32_t max_headers = 100;
  /** High watermark of what waits for window in one stream; 0: none. per_connection_buffer_limit_bytes. */
  uint32_t stream_buffer_limit = 1024 * 1024;
  std::span<const Setting> custom_settings;
};

struct ServerOptions : CommonOptions {
  Underscores underscores = Underscores::kAllow;
};

struct ClientOptions : CommonOptions {};

}  // namespace nuncio::http::h2
