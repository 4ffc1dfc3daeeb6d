-- The end of every run: one line for bench.sh. Anything but a 2xx answer spoils the run.

function done(summary)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.timeout + errors.status
  io.write(string.format("RESULT %.2f %d\n", summary.requests * 1000000 / summary.duration, failed))
end
