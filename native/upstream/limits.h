// The limits of a cluster: those of its plan, with what the runtime says in their place
// (circuit_breakers.<cluster>.<priority>.<limit>, outlier_detection.<limit>). Any thread.
#pragma once

#include "plan/plan_types.h"
#include "snapshot/runtime_part.h"
#include "upstream/cluster_part.h"

namespace nuncio::upstream {

/** `runtime` may be null: no layer has values. */
plan::Thresholds limitsOf(const ClusterPart& cluster, Priority priority, const snapshot::RuntimePart* runtime);
/** The same of the runs of errors that are told to main. */
plan::OutlierDetection outlierLimitsOf(const plan::OutlierDetection& configured, const snapshot::RuntimePart* runtime);

}  // namespace nuncio::upstream
