import { expect, test } from 'vitest'
import { sameOrganisation } from './same-organisation.ts'

test.each([
  ['example.org', 'example.org', true],
  ['mail.example.org', 'example.org', true],
  ['a.mail.example.org', 'b.news.example.org', true],
  ['mail.example.co.uk', 'example.co.uk', true],
  ['one.co.uk', 'two.co.uk', false],
  ['example.co.uk', 'co.uk', false],
  ['co.uk', 'co.uk', true],
  ['ada.github.io', 'eve.github.io', false],
  ['www.ada.github.io', 'ada.github.io', true],
  ['ada.github.io', 'github.io', false],
  // A wildcard of the list, and its exception.
  ['one.kobe.jp', 'two.kobe.jp', false],
  ['a.one.two.kobe.jp', 'one.two.kobe.jp', true],
  ['www.city.kobe.jp', 'city.kobe.jp', true],
  ['example.org', 'example.com', false],
  ['badexample.org', 'example.org', false],
  // An internal name is no suffix of the list.
  ['mail.corp.internal', 'corp.internal', true],
  // An address is no domain.
  ['10.0.0.1', '10.1.0.1', false],
])('%s and %s', (one, other, same) => {
  expect(sameOrganisation(one, other)).toBe(same)
  expect(sameOrganisation(other, one)).toBe(same)
})
