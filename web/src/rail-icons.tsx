import { Icon } from './icons.tsx'

export const Chat = () => (
  <Icon>
    <path d="M5 5h14a1 1 0 0 1 1 1v9a1 1 0 0 1-1 1h-7l-5 4v-4H5a1 1 0 0 1-1-1V6a1 1 0 0 1 1-1z" />
  </Icon>
)
export const Pulse = () => (
  <Icon>
    <path d="M3 12h4l3-7 4 14 3-7h4" />
  </Icon>
)
export const Stack = () => (
  <Icon>
    <path d="M4 6h16M4 12h16M4 18h16" />
  </Icon>
)
export const Bell = () => (
  <Icon>
    <path d="M6 16V11a6 6 0 0 1 12 0v5l1.500 2h-15zM10 21h4" />
  </Icon>
)
export const Bars = () => (
  <Icon>
    <path d="M4 20h16M7 16v-4M12 16V5M17 16V9" />
  </Icon>
)
export const Key = () => (
  <Icon>
    <circle cx="8" cy="15" r="4" />
    <path d="M11 12l8-8M15.500 7.500l2.500 2.500" />
  </Icon>
)
export const Flask = () => (
  <Icon>
    <path d="M10 3v6l-5.500 9.500A1.500 1.500 0 0 0 6 21h12a1.500 1.500 0 0 0 1.500-2.500L14 9V3M9 3h6M7.500 15h9" />
  </Icon>
)
