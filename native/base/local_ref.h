// LocalRef: shared ownership inside one worker thread; the count is a plain integer. An object counted so must never be
// seen by another thread.
#pragma once

#include <cstdint>
#include <utility>

namespace nuncio::base {

template <class T>
class LocalRef;

class LocalCounted {
 public:
  LocalCounted() = default;
  LocalCounted(const LocalCounted&) = delete;
  LocalCounted& operator=(const LocalCounted&) = delete;

 private:
  template <class T>
  friend class LocalRef;
  mutable uint32_t references_ = 0;
};

template <class T>
class LocalRef {
 public:
  LocalRef() = default;
  explicit LocalRef(T* object) : object_(object) { take(); }
  LocalRef(const LocalRef& other) : object_(other.object_) { take(); }
  LocalRef(LocalRef&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  LocalRef& operator=(LocalRef other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }
  ~LocalRef() {
    if (object_ != nullptr && --object_->LocalCounted::references_ == 0) delete object_;
  }

  T* get() const { return object_; }
  T* operator->() const { return object_; }
  T& operator*() const { return *object_; }
  explicit operator bool() const { return object_ != nullptr; }
  void reset() { *this = LocalRef(); }

 private:
  void take() {
    if (object_ != nullptr) ++object_->LocalCounted::references_;
  }
  T* object_ = nullptr;
};

template <class T, class... Args>
LocalRef<T> makeLocal(Args&&... args) {
  return LocalRef<T>(new T(std::forward<Args>(args)...));
}

}  // namespace nuncio::base
