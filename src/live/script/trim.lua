-- KEYS: geo, active. ARGV: the oldest score that stays, how many to take out at most at either end, and the newest that stays by the
-- caller's clock; what is an hour ahead of this server's as well was written by a wrong one. How many were, at the end with more.
local function take_out(from, to)
  local gone = redis.call('ZRANGEBYSCORE', KEYS[2], from, to, 'LIMIT', 0, ARGV[2])
  if #gone > 0 then
    redis.call('ZREM', KEYS[1], unpack(gone))
    redis.call('ZREM', KEYS[2], unpack(gone))
  end
  return #gone
end
local gone = take_out('-inf', '(' .. ARGV[1])
local clock = redis.pcall('TIME')
if clock.err then return gone end
local newest = math.max(tonumber(ARGV[3]), (tonumber(clock[1]) + 3600) * 1000)
return math.max(gone, take_out(string.format('(%.0f', newest), '+inf'))
