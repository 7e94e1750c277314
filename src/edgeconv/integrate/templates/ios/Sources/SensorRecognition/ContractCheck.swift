import SensorStreaming

/// Compares what a model's file says of itself with what this package was made for.
enum ContractCheck {
  /// - Throws: ``RecognitionError/wrongModel(_:)``, naming the first field that differs.
  static func check(_ fields: [String: String]) throws {
    for (key, wanted) in Contract.fields.sorted(by: { $0.key < $1.key }) {
      let found = fields[key] ?? "nothing"
      if found != wanted {
        throw RecognitionError.wrongModel("\(key) is \(found), not \(wanted)")
      }
    }
  }
}
