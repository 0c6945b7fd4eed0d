-- A vessel as JSON. ARGV from `at`: seconds to live, mmsi, time, seq, how many static values follow; unless time is '', an
-- object with the rest of its position; then each static value as name, JSON and time. The rules are those of the hash.
--
-- The document is read and written as a whole, by the path that all versions of the module know. Its numbers have at most 14
-- digits, which is what survives being read and written here.
local function value_of(text)
  return cjson.decode('[' .. text .. ']')[1]
end

local function write(key, at)
  local ttl, mmsi, time, seq, count = ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3], tonumber(ARGV[at + 4])
  local text = redis.pcall('JSON.GET', key, '.')
  if type(text) == 'table' then
    make_room(key, text.err)
    text = false
  end
  local was_there, has_position = text, time ~= ''
  local vessel = text and cjson.decode(text) or {}
  local old_time, old_seq, old_static = vessel.time, vessel.seq, vessel.static_time
  if is_ahead(old_time) then old_time, old_seq = nil, nil end
  if is_ahead(old_static) then old_static = nil end
  local has_won = has_position and is_newer(time, seq, old_time, old_seq)
  at = at + 5
  if has_won then
    for _, name in ipairs({ POSITION_NAMES }) do vessel[name] = nil end
    for name, value in pairs(cjson.decode(ARGV[at])) do vessel[name] = value end
    vessel.time, vessel.seq = time, seq
  end
  if has_position then at = at + 1 end
  local newest = old_static or ''
  for i = at, at + 3 * (count - 1), 3 do
    if not old_static or ARGV[i + 2] >= old_static or vessel[ARGV[i]] == nil then
      vessel[ARGV[i]] = value_of(ARGV[i + 1])
      if ARGV[i + 2] > newest then newest = ARGV[i + 2] end
    end
  end
  if count > 0 then vessel.static_time = newest end
  if has_won or count > 0 then
    vessel.mmsi = tonumber(mmsi)
    redis.call('JSON.SET', key, '.', cjson.encode(vessel))
    if has_won or not has_position or not old_time then redis.call('EXPIRE', key, ttl) end
  end
  at = at + 3 * count
  return was_there, has_position, has_won, has_won and not (time == old_time and seq == old_seq), at
end

