"""Lua for the leader's scripts that reads a damaged value, or one of another type, as a missing one.

So a damaged value is detected as lost and is rewritten, and it stops no worker from leading.
"""

WHOLE = """
local function text(key)
    local found = redis.pcall('GET', key)
    return type(found) == 'string' and found or false
end
local function whole(found, most)
    local number = type(found) == 'string' and found:match('^%d+$') and tonumber(found)
    return number and number <= (most or 9007199254740991) and number or 0
end
local function log_end(key)
    local found = redis.pcall('HMGET', key, 'seq', 'digest')
    if found.err or not (found[2] or ''):match('^%x+$') then return 0, '' end
    return whole(found[1]), found[2]
end
local function switch_of(key)
    local set = redis.pcall('HMGET', key, 'level', 'by', 'reason', 'since_ms', 'tightened')
    if set.err then return {'halt', '', set.err, '0'} end
    if set[5] then set[1] = 'halt' end
    return set
end
"""
