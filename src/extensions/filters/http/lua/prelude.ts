/**
 * What LuaJIT, which Envoy has, knows beyond Lua 5.1. `native`: functions of JavaScript.
 * `pcall` lets a function inside wait for the proxy, which 5.1's own does not.
 */
export const prelude = `
local native = ...
local create, resume, status, yield = coroutine.create, coroutine.resume, coroutine.status, coroutine.yield
local plainpairs, plainload, getmeta, kind = pairs, load, getmetatable, type

function pairs(value)
  local meta = getmeta(value)
  local own = kind(meta) == 'table' and meta.__pairs
  if not own then return plainpairs(value) end
  -- A list of all as it is now: what changes meanwhile does not disturb it.
  local list, at = own(value), 0
  return function()
    at = at + 1
    if list[at] then return list[at][1], list[at][2] end
  end
end

local function follow(thread, handler, isFine, ...)
  if not isFine then
    if handler then return false, handler(...) end
    return false, ...
  end
  if status(thread) == 'suspended' then return follow(thread, handler, resume(thread, yield(...))) end
  return true, ...
end

function pcall(call, ...)
  local thread = create(function(...) return call(...) end)
  return follow(thread, nil, resume(thread, ...))
end

function xpcall(call, handler, ...)
  local thread = create(function(...) return call(...) end)
  return follow(thread, handler, resume(thread, ...))
end

function load(chunk, ...)
  if kind(chunk) == 'string' then return loadstring(chunk, ...) end
  return plainload(chunk, ...)
end

function table.pack(...) return { n = select('#', ...), ... } end
table.unpack = unpack

bit = native.bit
package.loaded.bit = bit
package.loaders[2] = function(name)
  local path = name:gsub('%.', '/')
  local tried = ''
  for template in package.path:gmatch('[^;]+') do
    local file = template:gsub('%?', path)
    local text = native.readFile(file)
    if text then return assert(loadstring(text, '@' .. file)) end
    tried = tried .. "\\n\\tno file '" .. file .. "'"
  end
  return tried
end
package.path = './?.lua;/usr/local/share/lua/5.1/?.lua;/usr/share/lua/5.1/?.lua'
os.getenv = native.environment

EnvoyTimestampResolution = { MILLISECOND = 0, MICROSECOND = 1 }
`
