import Foundation

/// The contract that a model's file carries in its own metadata.
struct FileContract: Decodable {
  static let key = "com.edgeconv.contract"

  let labels: [String]

  /// - Throws: ``ModelError/wrongModel(_:)`` where the file names other classes than this package
  ///   was made for, or carries no contract.
  static func check(_ text: String?) throws {
    guard let text else { throw ModelError.wrongModel("it carries no contract") }
    guard let found = try? JSONDecoder().decode(FileContract.self, from: Data(text.utf8)) else {
      throw ModelError.wrongModel("its contract cannot be read")
    }
    if found.labels != Contract.labels {
      throw ModelError.wrongModel("its classes are \(found.labels), not \(Contract.labels)")
    }
  }
}
