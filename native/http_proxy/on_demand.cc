#include "http_proxy/on_demand.h"

#include <functional>
#include <utility>

namespace nuncio::http_proxy {

bool OnDemand::wait(DemandKey key, Waiter& waiter) {
  auto found = waiting_.find(key);
  if (found == waiting_.end()) {
    if (waiting_.size() >= kMaxKeys || ask == nullptr || !ask(key)) {
      ++overflows_;
      return false;
    }
    found = waiting_.try_emplace(std::move(key)).first;
  }
  found->second.pushBack(&waiter);
  return true;
}

void OnDemand::settle(const DemandKey& key, DemandEnd end) {
  const auto found = waiting_.find(key);
  if (found == waiting_.end()) return;
  // Those who go on may ask again; each is out of the list before it does, and who comes meanwhile is asked for anew.
  const auto node = waiting_.extract(found);
  base::IntrusiveList<Waiter>& list = node.mapped();
  while (Waiter* waiter = list.front()) {
    waiter->base::ListNode<>::unlink();
    waiter->onSettled(end);
  }
}

}  // namespace nuncio::http_proxy
