// stream_error_on_invalid_http_message, and its override for HTTP/1: does a bad request end the connection?
import { get } from '../support/bytes.js'
import { http } from '../support/config.js'
import { feature } from '../support/scenario.js'

const kinds: Readonly<Record<string, string>> = {
  'not set': '{}',
  true: '{stream_error_on_invalid_http_message: true}',
  'true, override false':
    '{stream_error_on_invalid_http_message: true, http_protocol_options: {override_stream_error_on_invalid_http_message: false}}',
  'false, override true':
    '{stream_error_on_invalid_http_message: false, http_protocol_options: {override_stream_error_on_invalid_http_message: true}}',
  'override true': '{http_protocol_options: {override_stream_error_on_invalid_http_message: true}}',
}
const bad: Readonly<Record<string, string>> = {
  'no host': 'GET / HTTP/1.1\r\n\r\n',
  'a host with a space': 'GET / HTTP/1.1\r\nhost: a b\r\n\r\n',
  'a fragment': 'GET /#x HTTP/1.1\r\nhost: a\r\n\r\n',
  'two lengths': 'POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1, 2\r\n\r\n',
}

feature(
  'bad requests and their connections',
  {
    file: import.meta.url,
    listeners: Object.entries(kinds).map(([name, hcm]) => http(name.replaceAll(/\W+/g, '-'), { hcm })),
  },
  f => {
    f.scenario(
      'who goes on',
      {
        sees: `
      not set: no host: 400, then closed
      not set: a host with a space: 400, then closed
      not set: a fragment: 400, then closed
      not set: two lengths: 400, then closed
      true: no host: 400, then 200
      true: a host with a space: 400, then closed
      true: a fragment: 400, then 200
      true: two lengths: 400, then closed
      true, override false: no host: 400, then closed
      true, override false: a host with a space: 400, then closed
      true, override false: a fragment: 400, then closed
      true, override false: two lengths: 400, then closed
      false, override true: no host: 400, then 200
      false, override true: a host with a space: 400, then closed
      false, override true: a fragment: 400, then 200
      false, override true: two lengths: 400, then closed
      override true: no host: 400, then 200
      override true: a host with a space: 400, then closed
      override true: a fragment: 400, then 200
      override true: two lengths: 400, then closed
    `,
      },
      async s => {
        for (const name of Object.keys(kinds)) {
          for (const [what, request] of Object.entries(bad)) {
            const client = await s.connect(name.replaceAll(/\W+/g, '-'))
            await client.send(request)
            const status = (await client.response()).startLine.split(' ')[1]
            const next = await client
              .send(get('/'))
              .then(() => client.response(2))
              .then(
                response => response.startLine.split(' ')[1],
                () => 'closed',
              )
            client.destroy()
            s.note(`${name}: ${what}: ${status}, then ${next}`)
          }
        }
      },
    )
  },
)
