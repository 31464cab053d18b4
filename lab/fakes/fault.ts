// What can be made to go wrong at a fake host, by name.

export type Fault =
  | 'target dies before confirm'
  | 'target dies after confirm'
  | 'copy cannot run'
  | 'commit answer is lost'
  | 'expect fails'
  | 'memory breaks'
  | 'disk breaks'
  | 'memory never converges'
  | 'image never ends'
  | 'disk never ends'
  | 'sync never comes'
  | 'view is lost'
  | 'disks differ';

export type FakeFaults = Set<Fault>;
