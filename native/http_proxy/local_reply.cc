// The part of a Stream that answers by itself, and the gRPC form of such answers.
#include "http_proxy/local_reply.h"

#include "http_proxy/stream.h"

namespace nuncio::http_proxy {

using http::HeaderId;

uint32_t grpcStatusOf(uint32_t http_status) {
  switch (http_status) {
    case 400: return 13;
    case 401: return 16;
    case 403: return 7;
    case 404: return 12;
    case 429:
    case 502:
    case 503:
    case 504: return 14;
    default: return 2;
  }
}

std::string_view grpcMessage(base::Arena& arena, std::string_view text) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  char* out = arena.array<char>(text.size() * 3 + 1);
  size_t size = 0;
  for (const char c : text) {
    if (c >= ' ' && c <= '~' && c != '%') {
      out[size++] = c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out[size++] = '%';
      out[size++] = kHex[byte >> 4];
      out[size++] = kHex[byte & 15];
    }
  }
  return {out, size};
}

/** A request that did not come to its router is logged with its cluster all the same. */
void Stream::nameCluster() {
  const bool leads = route_known_ && route_ != nullptr && route_->cluster != nullptr;
  if (leads && info_.cluster_name.data() == nullptr) findCluster(*route_->cluster, *request_headers_);
}

void Stream::reply(const LocalReply& reply) {
  if (complete_) return;
  if (filters_.inHook()) return filters_.replyAfterHook(reply);  // a filter is not asked about its answer while it gives it
  const plan::HttpConnectionManager& plan = config().plan;
  // The manager's value with the protocol's override over it is in the protocol's options.
  const bool manager = plan.stream_error_on_invalid_message;
  const bool tolerant = info_.protocol == http::Protocol::kHttp2
                            ? (plan.http2 ? plan.http2->stream_error_on_invalid_message : manager)
                            : (plan.http1 ? plan.http1->stream_error_on_invalid_message : manager);
  if (reply.status == 400 && !tolerant) close_connection_ = true;  // the two sides may disagree on where messages end
  if (reply.flag) info_.flags.add(*reply.flag);
  info_.response_code_details = reply.details;
  if (response_started_ || encoder_ == nullptr) {
    if (reply.flag_of_log) info_.flags.add(*reply.flag_of_log);
    return resetDownstream(ownReset());
  }
  replying_ = true;
  if (filters_.created() && request_headers_ != nullptr) route();  // a filter may have changed what it hangs on
  nameCluster();
  filters_.create(*filter_list_);
  // A response that filters have begun to see stays theirs: the answer goes past them.
  const bool direct = filters_.responseBegun();
  filters_.startLocalReply(reply, direct);
  std::string_view body;
  http::HeaderMap& headers = localReplyHead(reply, body);
  const bool head_only = body.empty() || head_;
  if (direct) {
    sendHead(headers, head_only);
    if (!head_only && !complete_) sendData(body, true);
  } else {
    filters_.responseHeaders(headers, head_only);
    if (!head_only && !complete_) filters_.responseData(body, true);
  }
  if (router_) router_->abandon(http::ResetReason::kLocalReset);
}

http::HeaderMap& Stream::localReplyHead(const LocalReply& reply, std::string_view& body) {
  auto* made = arena_.make<http::HeaderMap>(arena_);
  http::HeaderMap& headers = *made;
  response_headers_ = made;
  headers.add(HeaderId::kStatus, arena_.decimal(reply.status));
  if (!reply.location.empty()) headers.add(HeaderId::kLocation, reply.location);
  if (reply.extra != HeaderId::kUnknown) headers.add(reply.extra, "true");
  for (const http::Header& header : reply.headers) headers.add(header);
  if (reply.route_mutations && route_ != nullptr) router_->decorateResponse(headers);
  // A type that is not the usual one is there before the length, and for mutations to see.
  const bool has_own_type = reply.format != nullptr && reply.format->contentType() != "text/plain";
  if (has_own_type) headers.set(HeaderId::kContentType, reply.format->contentType());
  if (reply.mutations != nullptr) reply.mutations->apply(headers, formatContext(), worker().scratch);
  if (reply.plain) {
    info_.response_code = reply.status;
    return headers;
  }
  uint16_t status = reply.status;
  std::string_view content_type = "text/plain";
  body = reply.body;
  info_.local_reply_body = body;
  if (reply.format != nullptr) {
    body = formatReply(*reply.format);
    content_type = reply.format->contentType();
  }
  rewriteLocalReply(headers, status, body, content_type);
  if (has_own_type) headers.set(HeaderId::kContentType, content_type);
  info_.local_reply_body = {};
  info_.response_code = status;
  if (reply.flag_of_log) info_.flags.add(*reply.flag_of_log);
  if (grpc_) {
    headers.remove(HeaderId::kContentLength);
    makeGrpcReply(headers, reply.grpc_status.value_or(grpcStatusOf(status)), body, content_type);
    body = {};
    return headers;
  }
  if (body.empty()) {
    headers.remove(HeaderId::kContentLength);
    headers.remove(HeaderId::kContentType);
    return headers;
  }
  headers.set(HeaderId::kContentLength, arena_.decimal(body.size()));
  if (!headers.has(HeaderId::kContentType)) headers.add(HeaderId::kContentType, content_type);
  return headers;
}

std::string_view Stream::formatReply(const http::BodyFormatter& format) {
  base::TextBuffer& scratch = worker().scratch;
  scratch.clear();
  format.append(formatContext(), scratch);
  return arena_.copy(scratch.view());
}

void Stream::rewriteLocalReply(http::HeaderMap& headers, uint16_t& status, std::string_view& body,
                               std::string_view& content_type) {
  const ManagerConfig& manager = config();
  if (manager.mappers.empty() && !manager.local_reply_format) return;
  info_.response_code = status;
  const http::BodyFormatter* format = manager.local_reply_format ? &*manager.local_reply_format : nullptr;
  for (const LocalReplyMapper& mapper : manager.mappers) {
    if (!mapper.filter.passes(formatContext(), worker())) continue;
    if (mapper.body) body = *mapper.body;
    info_.local_reply_body = body;
    mapper.headers.apply(headers, formatContext(), worker().scratch);
    if (mapper.status && *mapper.status != status) {
      status = static_cast<uint16_t>(*mapper.status);
      info_.response_code = status;
      headers.set(HeaderId::kStatus, arena_.decimal(status));
    }
    if (mapper.format) format = &*mapper.format;
    break;
  }
  if (format == nullptr) return;
  body = formatReply(*format);
  content_type = format->contentType();
}

/** A gRPC client understands only gRPC: status 200 and the error in a trailers-only response. */
void Stream::makeGrpcReply(http::HeaderMap& headers, uint32_t status, std::string_view message, std::string_view content_type) {
  headers.set(HeaderId::kStatus, "200");
  headers.set(HeaderId::kContentType, "application/grpc");
  if (headers.get(HeaderId::kGrpcStatus).empty()) headers.set(HeaderId::kGrpcStatus, arena_.decimal(status));
  if (message.empty() || head_) return;
  if (content_type == "application/json" && message.ends_with('\n')) message.remove_suffix(1);
  headers.set(HeaderId::kGrpcMessage, grpcMessage(arena_, message));
}

}  // namespace nuncio::http_proxy
