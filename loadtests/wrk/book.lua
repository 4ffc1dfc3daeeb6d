-- Books appointments, each at a time of its own: BENCH_BOOKING names a file that gives contacts, practitioners, the
-- service and days; BENCH_FIRST is the number of the first slot. Slots are numbered so that neighbours are on different
-- days: bookings do not wait for each other's day.

dofile(os.getenv("BENCH_WRK") .. "/result.lua")

local booking = dofile(os.getenv("BENCH_BOOKING"))
local first = tonumber(os.getenv("BENCH_FIRST"))
local headers = {
  ["Authorization"] = "Bearer " .. os.getenv("BENCH_TOKEN"),
  ["Content-Type"] = "application/json",
}
local threads = 0

function setup(thread)
  thread:set("number", threads)
  threads = threads + 1
  thread:set("stride", tonumber(os.getenv("BENCH_THREADS")))
end

function init()
  slot = first + number
end

-- The start of a slot, in UTC: São Paulo is three hours behind, and the steps are 8 to 12 and 13 to 18 o'clock.
local function start_of(step, day)
  local minutes = step * 15 + (step < 16 and 11 * 60 or 12 * 60)
  return string.format("%sT%02d:%02d:00Z", day, math.floor(minutes / 60), minutes % 60)
end

function request()
  local days, practitioners = #booking.days, #booking.practitioners
  local day = booking.days[slot % days + 1]
  local practitioner = booking.practitioners[math.floor(slot / days) % practitioners + 1]
  local step = math.floor(slot / (days * practitioners))
  if step >= 36 then
    error("there are no more slots: make BENCH_SECONDS or BENCH_ROUNDS smaller")
  end
  headers["Idempotency-Key"] = "bench-" .. slot
  local body = string.format(
    '{"contact_id":"%s","practitioner_id":"%s","service_id":"%s","starts_at":"%s"}',
    booking.contacts[slot % #booking.contacts + 1], practitioner, booking.service, start_of(step, day))
  slot = slot + stride
  return wrk.format("POST", "/v1/appointments", headers, body)
end
