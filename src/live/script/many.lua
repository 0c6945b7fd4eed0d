-- KEYS: geo, active, and one for each vessel. ARGV: the channel; then for each vessel its score in `active`, its longitude and
-- latitude, what to publish, and what `write` takes. Score, longitude or text '' leave things as they are; longitude '-' takes
-- the vessel out of geo.
if #ARGV == 0 then return '' end
local letters, places, away, scores, news, at = {}, {}, {}, {}, {}, 2
for n = 3, #KEYS do
  local score, lon, lat, text, mmsi = ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3], ARGV[at + 5]
  local was_there, has_position, has_won, is_news
  was_there, has_position, has_won, is_news, at = write(KEYS[n], at + 4)
  letters[#letters + 1] = letter(was_there, has_position, has_won)
  if has_won and lon == '-' then
    away[#away + 1] = mmsi
  elseif has_won and lon ~= '' then
    places[#places + 1] = lon
    places[#places + 1] = lat
    places[#places + 1] = mmsi
  end
  if has_won and score ~= '' then
    scores[#scores + 1] = score
    scores[#scores + 1] = mmsi
  end
  if is_news and text ~= '' then news[#news + 1] = text end
end
if #places > 0 then redis.call('GEOADD', KEYS[1], unpack(places)) end
if #away > 0 then redis.call('ZREM', KEYS[1], unpack(away)) end
if #scores > 0 then redis.call('ZADD', KEYS[2], unpack(scores)) end
if #news > 0 then redis.call('PUBLISH', ARGV[1], '[' .. table.concat(news, ',') .. ']') end
return table.concat(letters)
