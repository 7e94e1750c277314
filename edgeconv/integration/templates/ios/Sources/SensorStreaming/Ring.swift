/// The latest values, oldest first, in memory that is taken once.
struct Ring<Value: Sendable>: Sendable {
  private var values: [Value]
  private var oldest = 0
  private(set) var count = 0

  init(capacity: Int, filledWith value: Value) {
    values = Array(repeating: value, count: capacity)
  }

  var isFull: Bool { count == values.count }

  mutating func append(_ value: Value) {
    values[(oldest + count) % values.count] = value
    if isFull { oldest = (oldest + 1) % values.count } else { count += 1 }
  }

  mutating func removeFirst() -> Value {
    let first = values[oldest]
    oldest = (oldest + 1) % values.count
    count -= 1
    return first
  }

  mutating func removeAll() {
    (oldest, count) = (0, 0)
  }

  /// `index` 0 is the oldest.
  subscript(index: Int) -> Value { values[(oldest + index) % values.count] }
}
