/// The values of one input or output, flat: its last axis varies fastest.
public enum Tensor: Sendable, Equatable {
  case floats([Float])
  case ints([Int32])

  public var count: Int {
    switch self {
    case .floats(let values): values.count
    case .ints(let values): values.count
    }
  }

  /// As floating-point numbers, which hold each of them exactly.
  public var numbers: [Double] {
    switch self {
    case .floats(let values): values.map(Double.init)
    case .ints(let values): values.map(Double.init)
    }
  }

  var areInts: Bool {
    if case .ints = self { true } else { false }
  }

  var told: String { "\(count) \(areInts ? "int32" : "float32")" }
}

/// A sample or a prediction under the model's own names.
public typealias Tensors = [String: Tensor]

/// One input or output of the model's file.
public struct TensorSpec: Sendable, Equatable {
  /// The model's own name.
  public let name: String
  /// With the batch axis.
  public let shape: [Int]
  /// Whether it holds int32, float32 otherwise.
  public let ints: Bool
  /// The lowest and highest whole number that an input takes.
  public let limits: ClosedRange<Int32>?

  public var count: Int { shape.reduce(1, *) }

  var told: String { "\(count) \(ints ? "int32" : "float32")" }

  /// These numbers in the type that the model takes.
  ///
  /// - Throws: ``ModelError/noSelfTest(_:)`` where one is no whole number and must be.
  func tensor(_ values: [Float]) throws -> Tensor {
    guard ints else { return .floats(values) }
    return .ints(
      try values.map { value in
        guard let whole = Int32(exactly: value) else {
          throw ModelError.noSelfTest("\(name) takes whole numbers, not \(value)")
        }
        return whole
      })
  }

  /// - Throws: ``ModelError`` where the model does not take these values.
  func checkInput(_ tensor: Tensor?) throws {
    guard let tensor, tensor.count == count, tensor.areInts == ints else {
      throw ModelError.wrongSize(
        tensor: name, "it takes \(told), not \(tensor?.told ?? "nothing")")
    }
    switch tensor {
    case .floats(let values):
      if let place = values.firstIndex(where: { !$0.isFinite }) {
        throw ModelError.inputNotFinite(tensor: name, at: place)
      }
    case .ints(let values):
      if let limits, let place = values.firstIndex(where: { !limits.contains($0) }) {
        throw ModelError.inputOutOfRange(tensor: name, at: place, values[place])
      }
    }
  }

  /// - Throws: ``ModelError`` where this is not a whole and finite output.
  func checkOutput(_ tensor: Tensor?) throws {
    guard let tensor, tensor.count == count, tensor.areInts == ints else {
      throw ModelError.wrongOutput(
        tensor: name, "the model gave \(tensor?.told ?? "nothing"), not \(told)")
    }
    if case .floats(let values) = tensor,
      let place = values.firstIndex(where: { !$0.isFinite })
    {
      throw ModelError.outputNotFinite(tensor: name, at: place)
    }
  }
}

extension Tensors {
  func floats(_ name: String) throws -> [Float] {
    guard case .floats(let values)? = self[name] else {
      throw ModelError.wrongOutput(tensor: name, "the model gave no float32")
    }
    return values
  }

  func ints(_ name: String) throws -> [Int32] {
    guard case .ints(let values)? = self[name] else {
      throw ModelError.wrongOutput(tensor: name, "the model gave no int32")
    }
    return values
  }

  /// The class with the largest number; the first of them where several are the largest.
  func label(_ name: String, of labels: [String]) throws -> String {
    let values = try floats(name)
    guard let largest = values.max(), let place = values.firstIndex(of: largest) else {
      throw ModelError.wrongOutput(tensor: name, "the model gave nothing")
    }
    return labels[place]
  }
}
