// Strongly connected components of a small graph (Tarjan, iterative): the sites that exchange desktops in circles.

/** Component number of each of `nodeCount` nodes; two nodes share one when each can be reached from the other. */
export function strongComponents(
  nodeCount: number,
  successors: (node: number) => readonly number[],
): Int32Array {
  const component = new Int32Array(nodeCount).fill(-1);
  const index = new Int32Array(nodeCount).fill(-1);
  const low = new Int32Array(nodeCount);
  const stack: number[] = [];
  let visited = 0;
  let components = 0;
  for (let root = 0; root < nodeCount; root++) {
    if (index[root] !== -1) continue;
    const path: { node: number; next: number }[] = [{ node: root, next: 0 }];
    while (path.length > 0) {
      const frame = path[path.length - 1] as { node: number; next: number };
      const v = frame.node;
      if (frame.next === 0) {
        index[v] = low[v] = visited++;
        stack.push(v);
      }
      const child = successors(v)[frame.next++];
      if (child !== undefined) {
        if (index[child] === -1) path.push({ node: child, next: 0 });
        else if (component[child] === -1) low[v] = Math.min(low[v] as number, index[child] as number);
        continue;
      }
      if (low[v] === index[v]) {
        for (let u = stack.pop(); u !== undefined; u = u === v ? undefined : stack.pop())
          component[u] = components;
        components++;
      }
      path.pop();
      const parent = path[path.length - 1];
      if (parent !== undefined) low[parent.node] = Math.min(low[parent.node] as number, low[v] as number);
    }
  }
  return component;
}
