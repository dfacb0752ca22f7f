#include "http_proxy/codec_options.h"

#include <string_view>

#include "base/ascii.h"
#include "upstream/http2_options.h"

namespace nuncio::http_proxy {
namespace {

/** Http1ProtocolOptions.ignore_http_11_upgrade: exact and prefix matchers suffice for tokens. */
bool ignoresUpgrade(const void* context, std::string_view token) {
  for (const plan::StringMatcher& matcher : static_cast<const plan::Http1Options*>(context)->ignore_upgrade) {
    const std::string_view wanted = matcher.value;
    if (matcher.kind == plan::StringMatcher::Kind::PREFIX) {
      if (base::equalsIgnoreCase(token.substr(0, wanted.size()), wanted)) return true;
    } else if (base::equalsIgnoreCase(token, wanted)) {
      return true;
    }
  }
  return false;
}

}  // namespace

http::h1::ServerOptions serverOptions(const plan::HttpConnectionManager& plan, const plan::HttpCommonOptions& common) {
  http::h1::ServerOptions options;
  options.max_head_bytes = plan.max_request_headers_kb * 1024;
  options.max_headers = common.max_headers_count;
  options.underscores = static_cast<http::h1::Underscores>(common.headers_with_underscores);
  if (!plan.http1) return options;
  const plan::Http1Options& http1 = *plan.http1;
  options.enable_trailers = http1.enable_trailers;
  options.allow_chunked_length = http1.allow_chunked_length;
  options.header_case = static_cast<http::h1::HeaderCase>(http1.header_case);
  options.allow_absolute_url = http1.allow_absolute_url;
  options.accept_http_10 = http1.accept_http_10;
  options.allow_custom_methods = http1.allow_custom_methods;
  options.default_host_for_http_10 = http1.default_host_for_http_10;
  if (!http1.ignore_upgrade.empty()) {
    options.ignores_upgrade = ignoresUpgrade;
    options.ignores_upgrade_context = &http1;
  }
  return options;
}

std::vector<http::h2::Setting> customSettings(const plan::HttpConnectionManager& plan) {
  return plan.http2 ? upstream::customSettings(*plan.http2) : std::vector<http::h2::Setting>();
}

http::h2::ServerOptions http2ServerOptions(const plan::HttpConnectionManager& plan, const plan::HttpCommonOptions& common,
                                           uint32_t buffer_limit, const std::vector<http::h2::Setting>& custom) {
  http::h2::ServerOptions options;
  if (plan.http2) upstream::fillHttp2(*plan.http2, options);
  options.max_head_bytes = plan.max_request_headers_kb * 1024;
  options.max_headers = common.max_headers_count;
  options.underscores = static_cast<http::Underscores>(common.headers_with_underscores);
  options.stream_buffer_limit = buffer_limit;
  options.custom_settings = custom;
  return options;
}

}  // namespace nuncio::http_proxy
