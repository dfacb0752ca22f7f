import { builtIn } from '../../../../api/built-in.js'
import { defineHttpFilter } from '../../../../api/http-filter.js'
import { settingsOf } from '../../../../api/typescript-filter.js'
import type { Settings } from './settings.js'

export default defineHttpFilter({
  name: 'envoy.filters.http.set_filter_state',
  config: settingsOf<Settings>(),
  create({ values, clearsRoute }, context) {
    const formats = values.map(({ tool, ...value }) => ({ ...value, tool: builtIn.context(context).tool(tool) }))
    return {
      onRequestHeaders(_request, view) {
        const stream = builtIn.stream(view)
        for (const { name, tool, skipsEmpty } of formats) {
          const text = stream.format(tool)
          if (text !== '' || !skipsEmpty) stream.setFilterState(name, text)
        }
        if (clearsRoute) stream.refreshRoute()
      },
    }
  },
})
