-- A vessel as a hash. ARGV from `at`: seconds to live, mmsi, time, seq, how many static values follow; unless time is '', the
-- other values of its position; then each static value as name, text and time.
--
-- A position goes by (time, seq) as a whole. A static value goes by its time against the newest static time that is there:
-- an older one only fills a gap. A time that is ahead of all clocks is none.
local function write(key, at)
  local ttl, mmsi, time, seq, count = ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3], tonumber(ARGV[at + 4])
  local old = redis.pcall('HMGET', key, 'time', 'seq', 'static_time')
  if old.err then
    make_room(key, old.err)
    old = { false, false, false }
  end
  local was_there, has_position = old[1] or old[3], time ~= ''
  if is_ahead(old[1]) then old[1], old[2] = false, false end
  if is_ahead(old[3]) then old[3] = false end
  local has_won = has_position and is_newer(time, seq, old[1], old[2])
  at = at + 5
  if has_won then
    if not was_there then BEGIN end
    redis.call('HSET', key, 'mmsi', mmsi, 'time', time, 'seq', seq, POSITION_VALUES)
  end
  if has_position then at = at + POSITION_COUNT end
  if count > 0 then
    local newest, values = old[3] or '', { 'mmsi', mmsi }
    for i = at, at + 3 * (count - 1), 3 do
      local is_taken = not old[3] or ARGV[i + 2] >= old[3]
      if not is_taken then
        local present = redis.call('HMGET', key, ARGV[i])[1]
        is_taken = not present or present == ''
      end
      if is_taken then
        values[#values + 1] = ARGV[i]
        values[#values + 1] = ARGV[i + 1]
        if ARGV[i + 2] > newest then newest = ARGV[i + 2] end
      end
    end
    redis.call('HSET', key, 'static_time', newest, unpack(values))
    at = at + 3 * count
  end
  -- Who comes with an older position has not heard the vessel last.
  if has_won or not has_position or not old[1] then redis.call('EXPIRE', key, ttl) end
  return was_there, has_position, has_won, has_won and not (time == old[1] and seq == old[2]), at
end

