#include "upstream/http2_options.h"

#include <algorithm>

namespace nuncio::upstream {

void fillHttp2(const plan::Http2Options& plan, http::h2::CommonOptions& options) {
  options.hpack_table_size = plan.hpack_table_size;
  options.max_concurrent_streams = plan.max_concurrent_streams;
  options.initial_stream_window = plan.initial_stream_window;
  options.initial_connection_window = plan.initial_connection_window;
  options.allow_connect = plan.allow_connect;
  options.allow_metadata = plan.allow_metadata;
  options.max_metadata_size = plan.max_metadata_size;
  options.disallow_obs_text = plan.disallow_obs_text;
  options.huffman = !plan.disable_huffman;
  options.stream_error_on_invalid_message = plan.stream_error_on_invalid_message;
  options.max_outbound_frames = plan.max_outbound_frames;
  options.max_outbound_control_frames = plan.max_outbound_control_frames;
  options.max_consecutive_empty_frames = plan.max_consecutive_empty_frames;
  options.max_priority_frames_per_stream = plan.max_priority_frames_per_stream;
  options.max_window_updates_per_data_frame = plan.max_window_updates_per_data_frame;
}

std::vector<http::h2::Setting> customSettings(const plan::Http2Options& plan) {
  std::vector<http::h2::Setting> settings;
  const size_t count = std::min(plan.custom_setting_ids.size(), plan.custom_setting_values.size());
  for (size_t i = 0; i < count; ++i) {
    settings.push_back({static_cast<uint16_t>(plan.custom_setting_ids[i]), plan.custom_setting_values[i]});
  }
  return settings;
}

http::KeepAliveOptions keepAlive(const plan::Http2Options& plan) {
  return {plan.keepalive_interval_ms, plan.keepalive_timeout_ms, plan.keepalive_jitter_percent, plan.connection_idle_interval_ms};
}

}  // namespace nuncio::upstream
