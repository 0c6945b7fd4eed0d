-- KEYS: the vessel's alone; what else follows lies on other nodes of a cluster. ARGV: what `write` takes. A capital says that
-- the position is news.
if #ARGV == 0 then return '' end
local was_there, has_position, has_won, is_news = write(KEYS[1], 1)
local told = letter(was_there, has_position, has_won)
return is_news and string.upper(told) or told
