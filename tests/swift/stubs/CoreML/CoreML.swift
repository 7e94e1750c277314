// The part of Apple's Core ML that the package uses, so that it is really compiled where that
// is not. tests/packages/test_stubs.py compares the names with declarations made from Apple's
// headers.
import Foundation

public enum MLComputeUnits: Int, Sendable {
  case cpuOnly = 0
  case cpuAndGPU = 1
  case all = 2
  case cpuAndNeuralEngine = 3
}

public enum MLMultiArrayDataType: Int, Sendable {
  case double = 65600
  case float32 = 65568
  case float16 = 65552
  case int32 = 131104
}

open class MLModelConfiguration: NSObject {
  open var computeUnits: MLComputeUnits = .all
}

open class MLMultiArray: NSObject {
  let memory: UnsafeMutableRawBufferPointer
  public init(shape: [NSNumber], dataType: MLMultiArrayDataType) throws {
    let count = shape.reduce(1) { $0 * $1.intValue }
    memory = .allocate(byteCount: 4 * count, alignment: 4)
    _ = memory.initializeMemory(as: UInt8.self, repeating: 0)
  }
  deinit { memory.deallocate() }
  public func withUnsafeMutableBufferPointer<S, R>(
    ofType type: S.Type,
    _ body: (UnsafeMutableBufferPointer<S>, _ strides: [Int]) throws -> R
  ) rethrows -> R {
    try body(memory.bindMemory(to: type), [])
  }
}

public protocol MLShapedArrayScalar {}

extension Float: MLShapedArrayScalar {}

extension Int32: MLShapedArrayScalar {}

public struct MLShapedArray<Scalar: MLShapedArrayScalar> {
  public let scalars: [Scalar]
  public init(converting multiArray: MLMultiArray) {
    scalars = Array(multiArray.memory.bindMemory(to: Scalar.self))
  }
}

open class MLMultiArrayConstraint: NSObject {
  open var shape: [NSNumber] { constraint.shape.map { NSNumber(value: $0) } }
  open var dataType: MLMultiArrayDataType { constraint.ints ? .int32 : .float32 }
  let constraint: Model.Feature
  init(_ constraint: Model.Feature) { self.constraint = constraint }
}

open class MLFeatureDescription: NSObject {
  open var multiArrayConstraint: MLMultiArrayConstraint? { MLMultiArrayConstraint(feature) }
  let feature: Model.Feature
  init(_ feature: Model.Feature) { self.feature = feature }
}

open class MLFeatureValue: NSObject {
  open var multiArrayValue: MLMultiArray? { array }
  open var dictionaryValue: [AnyHashable: NSNumber] { dictionary }
  private let array: MLMultiArray?
  private let dictionary: [AnyHashable: NSNumber]
  init(array: MLMultiArray? = nil, dictionary: [AnyHashable: NSNumber] = [:]) {
    (self.array, self.dictionary) = (array, dictionary)
  }
}

public protocol MLFeatureProvider {
  func featureValue(for featureName: String) -> MLFeatureValue?
}

open class MLDictionaryFeatureProvider: NSObject, MLFeatureProvider {
  private let values: [String: Any]
  public init(dictionary: [String: Any]) throws { values = dictionary }
  public func featureValue(for featureName: String) -> MLFeatureValue? {
    values[featureName].map { $0 as? MLFeatureValue ?? MLFeatureValue(array: $0 as? MLMultiArray) }
  }
}

public struct MLModelMetadataKey: Hashable, Sendable {
  public static let creatorDefinedKey = MLModelMetadataKey()
}

open class MLModelDescription: NSObject {
  open var inputDescriptionsByName: [String: MLFeatureDescription] {
    Model.file.inputs.mapValues { MLFeatureDescription($0) }
  }
  open var outputDescriptionsByName: [String: MLFeatureDescription] {
    Model.file.outputs.mapValues { MLFeatureDescription($0) }
  }
  open var metadata: [MLModelMetadataKey: Any] { [.creatorDefinedKey: Model.file.fields] }
}

open class MLModel: NSObject {
  private let units: MLComputeUnits
  init(_ units: MLComputeUnits) { self.units = units }
  open var modelDescription: MLModelDescription { MLModelDescription() }
  open func prediction(from input: any MLFeatureProvider) throws -> any MLFeatureProvider {
    try Model.file.predict(input, units)
  }
  open class func load(
    contentsOf modelURL: URL, configuration: MLModelConfiguration
  ) async throws -> MLModel {
    try Model.file.open(modelURL)
    return MLModel(configuration.computeUnits)
  }
  open class func compileModel(at modelURL: URL) async throws -> URL {
    try Model.file.compile(modelURL)
  }
}
