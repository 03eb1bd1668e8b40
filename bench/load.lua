-- Switches that each wait for their answer: authorize, then settle what was granted, again and again.
-- Arguments: key, organizations, operations in a request (1: the single routes).
local ffi = require("ffi")
ffi.cdef("typedef struct { long seconds; long nanoseconds; } instant; int clock_gettime(int clock, instant *at);")
local at = ffi.new("instant")
local function now()
  ffi.C.clock_gettime(1, at)
  return tonumber(at.seconds) + tonumber(at.nanoseconds) / 1e9
end

local key, orgs, size
-- When each call (or group of calls, by its first) was begun; what is to be settled next.
local begun, granted = {}, {}
cycles, overloaded, failed, seconds, failure = 0, 0, 0, {}, ""

function setup(thread) the_thread = thread end

function init(args)
  key, orgs, size = args[1], tonumber(args[2]), tonumber(args[3])
  math.randomseed(now() * 1e6 % 2^31)
end

local function authorize(single)
  local org = math.random(1, orgs)
  local id = string.format("%d.%08x%08x%08x", org, math.random(0, 2^32 - 1), math.random(0, 2^32 - 1), math.random(0, 2^32 - 1))
  return id, string.format('{%s"call_id":"%s","organization":"org_%x","call_type":"user_out","user":"+1202%07d","from":"+12025550101",' ..
    '"to":"+4420%08d","switch":"sbc-1"}', single and "" or '"op":"authorize",', id, org, org, math.random(1e7, 1e8 - 1))
end

local function settle(id, single)
  return string.format('{%s"call_id":"%s","organization":"org_%x","duration_seconds":60}',
    single and "" or '"op":"settle",', id, tonumber(id:match("^%d+")))
end

local function post(path, body)
  return wrk.format("POST", "/v1/calls/" .. path, {["Authorization"] = "Bearer " .. key, ["Content-Type"] = "application/json"}, body)
end

local function together(operations)
  return post("batch", '{"operations":[' .. table.concat(operations, ",") .. "]}")
end

function request()
  local ids = table.remove(granted)
  if size == 1 then
    if ids then return post("settle", settle(ids, true)) end
    local id, body = authorize(true)
    begun[id] = now()
    return post("authorize", body)
  end
  local operations = {}
  if ids then
    for i = 1, #ids do operations[i] = settle(ids[i]) end
    return together(operations)
  end
  local first
  for i = 1, size do
    local id, operation = authorize()
    first, operations[i] = first or id, operation
  end
  begun[first] = now()
  return together(operations)
end

local function fail(status, body)
  if failed == 0 then failure = status .. " " .. body:sub(1, 300):gsub("%s+", " ") end
  failed = failed + 1
end

-- Every operation is settled whose authorization was granted. "Not now" is counted; anything else voids the leg.
function response(status, headers, body)
  if status == 503 then overloaded = overloaded + 1 return end
  if status ~= 200 then return fail(status, body) end
  local ids, grants = {}, 0
  for id in body:gmatch('"call_id":"(%d+%.%x+)"') do ids[#ids + 1] = id end
  if #ids ~= size then return fail(status, body) end
  for _ in body:gmatch('"decision":"granted"') do grants = grants + 1 end
  if grants == size then
    granted[#granted + 1] = size == 1 and ids[1] or ids
  elseif grants == 0 and body:find('"billed_seconds":60', 1, true) then
    cycles = cycles + size
    seconds[#seconds + 1] = now() - begun[ids[1]]
    begun[ids[1]] = nil
  else
    fail(status, body)
  end
end

function done(summary, latency)
  local errors = summary.errors
  -- What the answer was is counted above; these had none.
  local lost = errors.connect + errors.read + errors.write + errors.timeout
  local times = the_thread:get("seconds")
  table.sort(times)
  local function percentile(part) return (times[math.max(1, math.ceil(#times * part))] or 0) * 1000 end
  io.write(string.format("RESULT %d %d %d %.6f %.4f %.4f %s\n", the_thread:get("cycles"), the_thread:get("overloaded"),
    the_thread:get("failed") + lost, summary.duration / 1e6, percentile(0.5), percentile(0.99),
    the_thread:get("failure")))
end
