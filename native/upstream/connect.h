// Opening a socket towards a host, with everything the cluster says about it.
#pragma once

#include "net/address.h"
#include "plan/plan_types.h"

namespace nuncio::upstream {

struct ConnectResult {
  int fd;           // -1: could not even be tried; `error` says why
  bool in_progress; // else connected already (unix sockets)
  int error;
};

ConnectResult connectTo(const plan::Cluster& cluster, const net::Address& address);

}  // namespace nuncio::upstream
