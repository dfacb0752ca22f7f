// IntrusiveList: a doubly linked list whose links live in the elements, so that insertion and removal never allocate.
// The list owns nothing. An element derives from ListNode<Tag>; the tag lets it be in several lists at once.
#pragma once

#include <cstddef>

namespace nuncio::base {

struct DefaultTag;

template <class Tag = DefaultTag>
class ListNode {
 public:
  ListNode() = default;
  ListNode(const ListNode&) = delete;
  ListNode& operator=(const ListNode&) = delete;
  ~ListNode() { unlink(); }

  bool linked() const { return next_ != nullptr; }
  void unlink() {
    if (next_ == nullptr) return;
    prev_->next_ = next_;
    next_->prev_ = prev_;
    next_ = prev_ = nullptr;
  }

 private:
  template <class T, class G>
  friend class IntrusiveList;
  ListNode* next_ = nullptr;
  ListNode* prev_ = nullptr;
};

template <class T, class Tag = DefaultTag>
class IntrusiveList {
 public:
  using Node = ListNode<Tag>;
  IntrusiveList() { head_.next_ = head_.prev_ = &head_; }
  IntrusiveList(const IntrusiveList&) = delete;
  IntrusiveList& operator=(const IntrusiveList&) = delete;
  ~IntrusiveList() {
    while (!empty()) front()->Node::unlink();
    head_.next_ = head_.prev_ = nullptr;
  }

  bool empty() const { return head_.next_ == &head_; }
  T* front() { return empty() ? nullptr : cast(head_.next_); }
  T* back() { return empty() ? nullptr : cast(head_.prev_); }
  T* next(T* element) {
    Node* node = static_cast<Node*>(element)->next_;
    return node == &head_ ? nullptr : cast(node);
  }
  /** Moves an element that is in this list already. */
  void pushBack(T* element) {
    static_cast<Node*>(element)->unlink();  // first: it may be its own neighbour
    insert(element, head_.prev_, &head_);
  }
  void pushFront(T* element) {
    static_cast<Node*>(element)->unlink();
    insert(element, &head_, head_.next_);
  }
  T* popFront() {
    T* element = front();
    if (element != nullptr) static_cast<Node*>(element)->unlink();
    return element;
  }
  /** Calls `visit` for each element; the visited element may be removed (and destroyed) meanwhile. */
  template <class Visit>
  void forEach(Visit&& visit) {
    for (Node* node = head_.next_; node != &head_;) {
      Node* next = node->next_;
      visit(*cast(node));
      node = next;
    }
  }

 private:
  static T* cast(Node* node) { return static_cast<T*>(node); }
  static void insert(T* element, Node* before, Node* after) {
    Node* node = static_cast<Node*>(element);
    node->prev_ = before;
    node->next_ = after;
    before->next_ = node;
    after->prev_ = node;
  }
  Node head_;
};

}  // namespace nuncio::base
