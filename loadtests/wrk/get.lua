-- GETs the paths in the file BENCH_PATHS, signed in by BENCH_TOKEN. One path is always the same request, which costs the
-- client least; of several, a random one each time, all made beforehand.

dofile(os.getenv("BENCH_WRK") .. "/result.lua")

wrk.headers["Authorization"] = "Bearer " .. os.getenv("BENCH_TOKEN")

local paths = {}
for path in io.lines(os.getenv("BENCH_PATHS")) do
  paths[#paths + 1] = path
end

if #paths == 1 then
  wrk.path = paths[1]
else
  local requests = {}

  function init()
    math.randomseed(os.time())
    for place, path in ipairs(paths) do
      requests[place] = wrk.format("GET", path)
    end
  end

  function request()
    return requests[math.random(#requests)]
  end
end
