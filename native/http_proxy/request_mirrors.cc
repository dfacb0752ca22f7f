#include "http_proxy/request_mirrors.h"

#include <utility>

#include "http/authority.h"

namespace nuncio::http_proxy {

using http::HeaderId;

/** One copy, in the arena of its own stream. Nobody looks at its answer. */
class RequestMirrors::Copy final : public AsyncCallbacks {
 public:
  Copy(RoutedStream& original, AsyncStream& stream, Copy** place) : stream_(stream), original_(&original), place_(place) {
    *place = this;
  }

  void onHeaders(http::HeaderMap&, bool) override {}
  void onData(std::string_view, bool) override {}
  void onTrailers(http::HeaderMap&) override {}
  /** It may end before the original has given all it has: nobody may come back to it then. */
  void onEnd(bool) override { release(); }
  /** A mirror that is slow slows the original too. */
  void onRequestBlocked(bool blocked) override {
    if (original_ == nullptr || blocked == blocking_) return;
    blocking_ = blocked;
    original_->pauseRequest(blocked);
  }
  /** Parts from the original, which forgets it. */
  void release() {
    if (Copy** place = std::exchange(place_, nullptr)) *place = nullptr;
    RoutedStream* original = std::exchange(original_, nullptr);
    if (original != nullptr && std::exchange(blocking_, false)) original->pauseRequest(false);
  }
  AsyncStream& stream() { return stream_; }

 private:
  AsyncStream& stream_;
  RoutedStream* original_;  // null: parted
  Copy** place_;            // where the original has it; null: parted
  bool blocking_ = false;
};

namespace {

bool wanted(const routing::MirrorPolicy& policy, RoutedStream& stream) {
  if (!policy.fraction) return true;
  const WorkerContext& context = stream.worker();
  const auto lookup = [&](std::string_view key) -> std::optional<routing::FractionValue> {
    const auto percent = context.runtime == nullptr ? std::nullopt : context.runtime->integer(key);
    return percent ? std::optional(routing::FractionValue{*percent, 100}) : std::nullopt;
  };
  const routing::FractionLookup runtime(lookup);
  return policy.fraction->covers(stream.randomValue(), context.runtime == nullptr ? nullptr : &runtime);
}

/** `host-shadow`, with the port behind it. */
void markHost(http::HeaderMap& headers, base::Arena& arena) {
  const std::string_view host = headers.get(HeaderId::kAuthority);
  const size_t port = http::portStart(host);
  const std::string_view name = host.substr(0, port);
  headers.set(HeaderId::kAuthority, arena.concat(name, "-shadow", host.substr(name.size())));
}

http::HeaderMap& copyOf(const http::HeaderMap& headers, base::Arena& arena) {
  auto& copy = *arena.make<http::HeaderMap>(arena);
  for (const http::Header& header : headers.entries()) {
    copy.add({arena.copy(header.name), arena.copy(header.value), nullptr, header.id});
  }
  return copy;
}

}  // namespace

RequestMirrors::RequestMirrors(RoutedStream& stream, size_t capacity)
    : stream_(stream), copies_(stream.arena().array<Copy*>(capacity)) {}

RequestMirrors* RequestMirrors::start(RoutedStream& stream, const RouterConfig& config,
                                      std::span<const routing::MirrorPolicy> policies, http::HeaderMap& headers, bool end_stream,
                                      uint32_t timeout_ms, uint64_t buffer_limit) {
  if (stream.isConnect() || stream.isUpgrade()) return nullptr;
  RequestMirrors* mirrors = nullptr;
  for (const routing::MirrorPolicy& policy : policies) {
    if (!wanted(policy, stream)) continue;
    if (mirrors == nullptr) mirrors = ::new (stream.arena().allocate(sizeof(RequestMirrors), alignof(RequestMirrors))) RequestMirrors(stream, policies.size());
    const AsyncOptions options{.cluster = policy.cluster.nameFor(headers),
                               .timeout_ms = timeout_ms,
                               .dynamic_stats = config.dynamic_stats,
                               .suppress_envoy_headers = config.suppress_envoy_headers,
                               .buffer_limit = buffer_limit,
                               .table = stream.tableLease()};
    mirrors->add(policy, options, headers, end_stream);
  }
  return mirrors == nullptr || mirrors->count_ == 0 ? nullptr : mirrors;
}

void RequestMirrors::add(const routing::MirrorPolicy& policy, const AsyncOptions& options, http::HeaderMap& headers, bool end_stream) {
  if (options.cluster.empty()) return;
  AsyncStream* stream = stream_.worker().asyncClient().start(options);
  if (stream == nullptr) return;  // no such cluster: not worth a word, as in Envoy
  base::Arena& arena = stream->arena();
  auto* copy = arena.make<Copy>(stream_, *stream, &copies_[count_]);
  http::HeaderMap& head = copyOf(headers, arena);
  if (!policy.request_mutations.empty()) policy.request_mutations.apply(head, stream_.formatContext(), stream_.worker().scratch);
  if (!policy.host_rewrite.empty()) {
    head.set(HeaderId::kAuthority, policy.host_rewrite);
  } else if (!policy.keep_host) {
    markHost(head, arena);
  }
  stream->sendHeaders(head, end_stream, *copy);
  if (end_stream) {
    copy->release();
  } else if (copies_[count_] != nullptr) {
    ++count_;
  }
}

void RequestMirrors::sendData(std::string_view data, bool end_stream) {
  for (size_t i = 0; i < count_; ++i) {
    if (Copy* copy = copies_[i]) copy->stream().sendData(data, end_stream);
    if (Copy* copy = copies_[i]; end_stream && copy != nullptr) copy->release();
  }
}

void RequestMirrors::sendTrailers(const http::HeaderMap& trailers) {
  for (size_t i = 0; i < count_; ++i) {
    if (Copy* copy = copies_[i]) copy->stream().sendTrailers(copyOf(trailers, copy->stream().arena()));
    if (Copy* copy = copies_[i]) copy->release();
  }
}

void RequestMirrors::abandon() {
  for (size_t i = 0; i < count_; ++i) {
    Copy* copy = copies_[i];
    if (copy == nullptr) continue;
    copy->release();
    copy->stream().cancel();
  }
}

}  // namespace nuncio::http_proxy
