// The statistics as the main thread reads them: names of all kinds, and the merged values of all workers. Reading
// takes no lock that a request could meet. Functions added to the addon's exports:
//
//   statsTemplates()            [{kind, prefix, stats: [{name, type}], histograms: [{name, unit, lazy}]}]; a
//                               kind is its index
//   readScopes(kind)            every scope of a kind, as one ScopeReading
//   readScope(kind, name)       the same of one name; no rows when no worker has touched it
//   dropScope(kind, name)       forget a name that the configuration no longer has
//   sweepScopes()               free what was dropped and is no longer leased
//
// ScopeReading: {names: string[n], values: Float64Array(n * stats), used: Uint8Array(n * stats),
//   codes: Float64Array of [row, id, count]…   id: a code 100..599, a class 1..5, 0 for codes outside,
//   histograms: Float64Array of [row, histogram, bins, (mantissa, exponent, count) * bins]…}
#pragma once

#include <napi.h>

#include "stats/registry.h"

namespace nuncio::binding {

/** `registry` lives as long as the process. */
void exportStats(Napi::Env env, Napi::Object exports, stats::Registry& registry);

}  // namespace nuncio::binding
