import Foundation

/// Why there is no prediction. `tensor` is the model's own name of an input or output.
public enum ModelError: Error, Equatable, LocalizedError {
  /// The file is not in the package.
  case noModel(String)
  /// `selftest.json` is missing or not one.
  case noSelfTest(String)
  /// No compute unit answers as it must on this device: the app has no model.
  case noUnitPassed(SelfTestRecord)
  /// The file does not take and give what ``Contract`` says.
  case wrongModel(String)
  /// An input has another number or type of values than the model takes.
  case wrongSize(tensor: String, String)
  /// An input holds a NaN or an infinity.
  case inputNotFinite(tensor: String, at: Int)
  /// A whole number is not within the limits that the model takes.
  case inputOutOfRange(tensor: String, at: Int, Int32)
  /// The model gave a NaN or an infinity.
  case outputNotFinite(tensor: String, at: Int)
  /// The model gave no such output, or one of another size or type.
  case wrongOutput(tensor: String, String)

  public var errorDescription: String? {
    switch self {
    case .noModel(let name):
      "\(name) is not in the app. Xcode compiles it; `swift build` alone does not."
    case .noSelfTest(let reason):
      "The model's self-test cannot be read: \(reason)."
    case .noUnitPassed(let record):
      "The model is not right on this device: "
        + record.results.map { "\($0.unit): \($0.reason)" }.joined(separator: "; ")
    case .wrongModel(let difference):
      "The model does not fit the contract that this package was made for: \(difference)."
    case .wrongSize(let tensor, let difference):
      "Input \(tensor): \(difference)."
    case .inputNotFinite(let tensor, let place):
      "Input \(tensor)[\(place)] is not finite."
    case .inputOutOfRange(let tensor, let place, let value):
      "Input \(tensor)[\(place)] is \(value), which the model does not take."
    case .outputNotFinite(let tensor, let place):
      "The model gave no finite number for \(tensor)[\(place)]."
    case .wrongOutput(let tensor, let difference):
      "Output \(tensor): \(difference)."
    }
  }
}
