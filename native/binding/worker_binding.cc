#include "binding/worker_binding.h"

#include <uv.h>

#include <algorithm>

#include "binding/arguments.h"
#include "worker/process.h"

namespace nuncio::binding {
namespace {

/**
 * Joins one Worker to one Node environment. In libuv's prepare phase it runs the worker's loop, and blocks there, until
 * libuv has events or a timer due. libuv registers new descriptors only when it polls, so after any sign of life of its
 * own it polls once without blocking before this blocks again.
 */
class Guest final : public loop::EventHandler {
 public:
  Guest(Worker& worker, uv_loop_t* uv) : worker_(worker), uv_(uv) {
    uv_prepare_init(uv_, &prepare_);
    uv_idle_init(uv_, &idle_);
    prepare_.data = idle_.data = this;
    uv_prepare_start(&prepare_, [](uv_prepare_t* handle) { static_cast<Guest*>(handle->data)->onPrepare(); });
    keepPolling(true);
    worker_.loop().add(uv_backend_fd(uv_), EPOLLIN, *this);
    worker_.adopt();
  }

  void onEvents(uint32_t) override { node_ready_ = true; }

  /** Closes the libuv handles; the worker, its connections and timers stay for the next guest. */
  void detach(void (*done)(void*), void* argument) {
    done_ = done;
    done_argument_ = argument;
    worker_.loop().remove(uv_backend_fd(uv_), *this);
    const auto closed = [](uv_handle_t* handle) { static_cast<Guest*>(handle->data)->onHandleClosed(); };
    uv_close(reinterpret_cast<uv_handle_t*>(&prepare_), closed);
    uv_close(reinterpret_cast<uv_handle_t*>(&idle_), closed);
  }

 private:
  void onPrepare() {
    uv_metrics_t metrics{};
    uv_metrics_info(uv_, &metrics);
    const bool quiet = metrics.events == seen_events_ && !left_loop_;
    seen_events_ = metrics.events;
    left_loop_ = false;
    if (!quiet) {
      keepPolling(true);
      worker_.loop().turn(0);
      return;
    }
    keepPolling(false);
    const int uv_timeout = uv_backend_timeout(uv_);
    run(uv_timeout);
    left_loop_ = true;
    uv_update_time(uv_);
  }

  void run(int uv_timeout) {
    loop::Loop& loop = worker_.loop();
    uint64_t deadline = uv_timeout < 0 ? UINT64_MAX : loop.nowMs() + static_cast<uint64_t>(uv_timeout);
    node_ready_ = false;
    do {
      const int own = loop.timeout();
      int wait = own;
      if (deadline != UINT64_MAX) {
        const uint64_t left = deadline > loop.nowMs() ? deadline - loop.nowMs() : 0;
        wait = own < 0 ? static_cast<int>(left) : static_cast<int>(std::min<uint64_t>(left, static_cast<uint64_t>(own)));
      }
      loop.turn(wait);
      if (worker_.scripts().host() != nullptr) deadline = std::min(deadline, dueInNode());
    } while (!node_ready_ && loop.nowMs() < deadline);
  }

  /** When libuv must run for what JavaScript did in the turn: timers it set, descriptors it opened. Milliseconds, monotonic. */
  uint64_t dueInNode() const {
    const void* const queue = &uv_->watcher_queue;  // a list whose first word points to itself when it is empty
    if (*static_cast<const void* const*>(queue) != queue) return 0;
    const int timeout = uv_backend_timeout(uv_);
    return timeout < 0 ? UINT64_MAX : uv_now(uv_) + static_cast<uint64_t>(timeout);
  }

  /** An active idle handle makes libuv poll without blocking. */
  void keepPolling(bool on) {
    if (on) {
      uv_idle_start(&idle_, [](uv_idle_t*) {});
    } else {
      uv_idle_stop(&idle_);
    }
  }

  void onHandleClosed() {
    if (--open_handles_ > 0) return;
    if (done_ != nullptr) done_(done_argument_);
    delete this;
  }

  Worker& worker_;
  uv_loop_t* const uv_;
  uv_prepare_t prepare_;
  uv_idle_t idle_;
  uint64_t seen_events_ = UINT64_MAX;
  int open_handles_ = 2;
  bool node_ready_ = false;
  bool left_loop_ = true;
  void (*done_)(void*) = nullptr;
  void* done_argument_ = nullptr;
};

/** The environment ends: the guest leaves first, or Node would abort over open handles. */
void onCleanup(napi_async_cleanup_hook_handle hook, void* guest) {
  static_cast<Guest*>(guest)->detach(
      [](void* handle) { napi_remove_async_cleanup_hook(static_cast<napi_async_cleanup_hook_handle>(handle)); }, hook);
}

Napi::Value attachWorker(const Napi::CallbackInfo& info) {
  Process* process = currentProcess();
  const uint32_t index = numberAt(info, 0);
  if (process == nullptr || index >= process->workerCount()) {
    return fail(info.Env(), "attachWorker: no such worker; init() comes first");
  }
  uv_loop_t* uv = nullptr;
  if (napi_get_uv_event_loop(info.Env(), &uv) != napi_ok) return fail(info.Env(), "attachWorker: this Node has no event loop");
  auto* guest = new Guest(process->worker(index), uv);
  napi_add_async_cleanup_hook(info.Env(), onCleanup, guest, nullptr);
  return info.Env().Undefined();
}

}  // namespace

void exportWorkers(Napi::Env env, Napi::Object exports) {
  exports.Set("attachWorker", Napi::Function::New(env, attachWorker, "attachWorker"));
}

}  // namespace nuncio::binding
