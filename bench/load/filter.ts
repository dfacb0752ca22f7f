// The filter of the `filters` scenario: reads one header and sets one; with `objects`, makes that many objects a request.
import { defineHttpFilter } from 'nuncio'
import { z } from 'zod'

let kept: unknown

export default defineHttpFilter({
  name: 'bench.one_header',
  config: z.object({ name: z.string(), objects: z.number().default(0) }),
  create: ({ name, objects }) => ({
    onRequestHeaders(request) {
      const agent = request.headers.get('x-request-id') ?? ''
      for (let i = 0; i < objects; ++i) kept = { agent, i, before: kept === undefined }
      request.headers.set(name, agent)
    },
  }),
})
