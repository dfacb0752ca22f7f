// A Node worker thread as the guest of a Worker: attachWorker(index) makes the thread's libuv loop and the worker's own
// loop run as one. The worker's loop is the outer one: it blocks in its own epoll set, in which libuv's is one descriptor,
// so that carrying traffic costs one system call a batch; libuv gets its turn whenever it has something to do.
#pragma once

#include <napi.h>

namespace nuncio::binding {

void exportWorkers(Napi::Env env, Napi::Object exports);

}  // namespace nuncio::binding
