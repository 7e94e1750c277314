import Foundation
import SensorStreaming

/// The contract that a model's file carries in its own metadata.
struct FileContract: Decodable, Equatable {
  static let key = "com.edgeconv.contract"

  let channels: [String]
  let labels: [String]
  let layout: String
  let rateHz: Double
  let sensor: String
  let window: Int

  /// - Throws: ``RecognitionError/wrongModel(_:)`` where the file says something else than this
  ///   package was made for, or nothing.
  static func check(_ text: String?) throws {
    guard let text else { throw RecognitionError.wrongModel("it carries no contract") }
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    guard let contract = try? decoder.decode(FileContract.self, from: Data(text.utf8)) else {
      throw RecognitionError.wrongModel("its contract cannot be read")
    }
    try contract.compare("channels", \.channels, with: Contract.channels)
    try contract.compare("labels", \.labels, with: Contract.labels)
    try contract.compare("layout", \.layout, with: Contract.layout)
    try contract.compare("rate", \.rateHz, with: Contract.rateHz)
    try contract.compare("sensor", \.sensor, with: Contract.sensor)
    try contract.compare("window", \.window, with: Contract.window)
  }

  private func compare<Value: Equatable>(
    _ name: String, _ value: (FileContract) -> Value, with wanted: Value
  ) throws {
    if value(self) != wanted {
      throw RecognitionError.wrongModel("\(name) is \(value(self)), not \(wanted)")
    }
  }
}
