// The part of Apple's Core AI that the package uses, with the names and types that Apple's
// documentation of the framework publishes (developer.apple.com/documentation/coreai, iOS 27). No
// header of it is at hand here, so nothing compares the two.
import Foundation

/// Stands for the standard library's, which Swift has from 6.2 on.
public struct Span<Element> {
  let elements: [Element]
  public var count: Int { elements.count }
  public subscript(index: Int) -> Element { elements[index] }
}

public enum ComputeUnitKind: Hashable, Sendable {
  case cpu
  case gpu
  case neuralEngine
}

public struct SpecializationOptions: Hashable, Sendable {
  public static let `default` = SpecializationOptions(nil, [.cpu, .gpu, .neuralEngine])
  public static let cpuOnly = SpecializationOptions(nil, [.cpu])
  public let preferredComputeUnitKind: ComputeUnitKind?
  public let allowedComputeUnitKinds: Set<ComputeUnitKind>
  public init(preferredComputeUnitKind: ComputeUnitKind) {
    self.init(preferredComputeUnitKind, [.cpu, .gpu, .neuralEngine])
  }
  init(_ preferred: ComputeUnitKind?, _ allowed: Set<ComputeUnitKind>) {
    (preferredComputeUnitKind, allowedComputeUnitKinds) = (preferred, allowed)
  }
}

public struct AIModelAsset: Sendable {
  public struct Metadata: Sendable {
    public enum CreatorDefinedValue: Hashable, Sendable {
      case string(String)
      case integer(Int)
      case number(Double)
      case bool(Bool)
      case array([CreatorDefinedValue])
      case dictionary([String: CreatorDefinedValue])
    }
    public var creatorDefinedMetadata: [String: CreatorDefinedValue]
  }
  public let metadata: Metadata
  public init(contentsOf url: URL) throws {
    metadata = Metadata(creatorDefinedMetadata: Asset.file.metadata)
  }
}

public struct NDArray: Sendable {
  public enum ScalarType: Hashable, Sendable {
    case float16
    case float32
    case int32
  }
  public struct View<Element> {
    let elements: [Element]
    let shape: [Int]
    let strides: [Int]
    public func withUnsafePointer<R>(
      _ body: (UnsafePointer<Element>, Span<Int>, Span<Int>) throws -> R
    ) rethrows -> R {
      try elements.withUnsafeBufferPointer {
        try body($0.baseAddress!, Span(elements: shape), Span(elements: strides))
      }
    }
  }
  public let shape: [Int]
  public let scalarType: ScalarType
  let elements: [Float]
  let strides: [Int]
  public init<Scalar>(scalars: some Sequence<Scalar>, shape: [Int]) {
    let elements = scalars.map { $0 as? Float ?? ($0 as? Int32).map(Float.init) ?? .nan }
    let strides = shape.indices.map { shape[($0 + 1)...].reduce(1, *) }
    self.init(elements, shape, strides: strides, Scalar.self == Int32.self ? .int32 : .float32)
  }
  init(_ elements: [Float], _ shape: [Int], strides: [Int], _ type: ScalarType = .float32) {
    (self.elements, self.shape, self.strides) = (elements, shape, strides)
    scalarType = type
  }
  public func view<T>(as type: T.Type = T.self) -> View<T> {
    View(elements: elements.compactMap { $0 as? T }, shape: shape, strides: strides)
  }
}

public struct InferenceValue: Sendable {
  let array: NDArray?
  public var ndArray: NDArray? { array }
}

public struct InferenceFunction: Sendable {
  public struct MutableViews: Sendable {
    public init() {}
  }
  public struct Outputs: Sendable {
    var values: [String: NDArray]
    public mutating func remove(_ name: String) -> InferenceValue? {
      values.removeValue(forKey: name).map { InferenceValue(array: $0) }
    }
  }
  let options: SpecializationOptions
  public func run(
    inputs: [String: NDArray], states: consuming MutableViews = MutableViews(),
    outputViews: consuming MutableViews = MutableViews()
  ) async throws -> Outputs {
    Outputs(values: try Asset.file.run(inputs, options))
  }
}

public struct AIModel: Sendable {
  let options: SpecializationOptions
  public init(contentsOf url: URL, options: SpecializationOptions = .default) async throws {
    self.options = options
  }
  public func loadFunction(named name: String) throws -> InferenceFunction? {
    name == Asset.file.function ? InferenceFunction(options: options) : nil
  }
}
