import Foundation

/// Why nothing can be recognised.
public enum RecognitionError: Error, Equatable, LocalizedError {
  case noAccelerometer
  case noModel(String)
  case wrongModel(String)
  case wrongOutput(String)

  public var errorDescription: String? {
    switch self {
    case .noAccelerometer:
      "This device has no accelerometer; a simulator has none."
    case .noModel(let name):
      "The model \(name) is not in the package."
    case .wrongModel(let difference):
      "The model does not fit the contract that this package was made for: \(difference)."
    case .wrongOutput(let name):
      "The model gave no finite probability for \(name)."
    }
  }
}
