-- A new connection for each request: the client asks the proxy to close after the response.
require("report")
wrk.headers["Connection"] = "close"
