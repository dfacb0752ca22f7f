// The structs of plan.proto. They are generated; this is the name everybody includes.
#pragma once

#include "generated/plan.h"  // IWYU pragma: export
