-- Whether (time, seq) is at least as new as what is there. Times are written in one width and so compare as text. Numbers may
-- be larger than Lua can count: the longer one is the larger.
local function is_newer(time, seq, old_time, old_seq)
  if not old_time then return true end
  if time ~= old_time then return time > old_time end
  if #seq ~= #old_seq then return #seq > #old_seq end
  return seq >= old_seq
end

-- Whether a time that is there lies more than a minute ahead of the writer's clock and of this server's: whoever wrote it had a wrong one,
-- and would keep everybody out until then. One clock alone cannot say so. The last two arguments of each call are two minutes after the
-- writer's time, written as times are, and that time in seconds: so a difference of up to a minute between the two clocks is none.
local function is_ahead(time)
  local limit, seconds = ARGV[#ARGV - 1], tonumber(ARGV[#ARGV])
  if not time or limit == '' or time <= limit then return false end
  local clock = redis.pcall('TIME')
  return not clock.err and tonumber(clock[1]) <= seconds + 60
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

