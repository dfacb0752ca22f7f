-- One fixed request, connections kept alive.
require("report")
