-- Whether (time, seq) is at least as new as what is there. Times are written in one width and so compare as text. Numbers may
-- be larger than Lua can count: the longer one is the larger.
local function is_newer(time, seq, old_time, old_seq)
  if not old_time then return true end
  if time ~= old_time then return time > old_time end
  if #seq ~= #old_seq then return #seq > #old_seq end
  return seq >= old_seq
end

-- Removes a key that holds something else, such as the other format. Any other failure stands.
local function make_room(key, failure)
  if not string.find(failure, 'type', 1, true) and not string.find(failure, 'WRONGTYPE', 1, true) then
    error(failure)
  end
  redis.call('EXPIRE', key, 0)
end

-- One letter: refused because it is older, new here, or written.
local function letter(was_there, has_position, has_won)
  if has_position and not has_won then return 'r' end
  return was_there and 'w' or 'n'
end

