-- Shared by every script here: prints the run's result as one line of JSON behind the word BENCH.
-- It runs once, after the load, so it costs the measured part nothing.
-- `histogram` is a list of [microseconds, count], which can be merged over several runs.
function done(summary, latency)
  local buckets = {}
  for i = 1, #latency do
    local value, count = latency(i)
    buckets[i] = string.format("[%d,%d]", value, count)
  end
  local e = summary.errors
  io.write(string.format(
    'BENCH {"requests":%d,"durationUs":%d,"bytes":%d,"errors":{"connect":%d,"read":%d,"write":%d,"status":%d,"timeout":%d},"p50Us":%.1f,"p99Us":%.1f,"histogram":[%s]}\n',
    summary.requests, summary.duration, summary.bytes,
    e.connect, e.read, e.write, e.status, e.timeout,
    latency:percentile(50.0), latency:percentile(99.0), table.concat(buckets, ",")))
end
